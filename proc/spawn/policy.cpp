#include "proc/spawn/policy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <grp.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace kmux::spawn {
namespace {

namespace fs = std::filesystem;

error system_error(const std::string& what) {
  return {errc::io, what + ": " + std::strerror(errno)};
}

bool is_member(const account& who, const std::vector<std::string>& groups) {
  int count = 0;
  ::getgrouplist(who.name.c_str(), who.gid, nullptr, &count);
  std::vector<gid_t> theirs(static_cast<std::size_t>(std::max(count, 0)));
  if (::getgrouplist(who.name.c_str(), who.gid, theirs.data(), &count) < 0) return false;
  return std::any_of(groups.begin(), groups.end(), [&](const std::string& name) {
    const group* const found = ::getgrnam(name.c_str());
    return found != nullptr &&
           std::find(theirs.begin(), theirs.end(), found->gr_gid) != theirs.end();
  });
}

/// Nobody but root and us can put something else there. In a sticky directory others can make new
/// files, but cannot move ours.
bool is_safe(const fs::path& path, bool last) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0) return false;
  if (about.st_uid != 0 && about.st_uid != ::getuid()) return false;
  const bool writable = (about.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  return !writable || (!last && (about.st_mode & S_ISVTX) != 0);
}

/// What the path really is, and everything above that.
bool is_safe_to_the_root(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (!real) return false;
  const fs::path whole(real.get());
  fs::path part;
  return std::all_of(whole.begin(), whole.end(), [&](const fs::path& name) {
    part /= name;
    return is_safe(part, part == whole);
  });
}

}  // namespace

result<void> check_allowed(const account& who, const settings& s) {
  const auto refuse = [&](const std::string& why) {
    return error{errc::refused, "kernels may not run as " + who.name + ": " + why +
                                    " An administrator can change that in kmux-spawn.toml."};
  };
  if (who.uid == 0) {
    if (s.allow_root) return {};
    return refuse("that is root.");
  }
  if (who.uid < s.first_uid || who.uid > s.last_uid) {
    return refuse("users have numbers from " + std::to_string(s.first_uid) + " to " +
                  std::to_string(s.last_uid) + ".");
  }
  if (s.users.empty() && s.groups.empty()) return {};
  if (std::find(s.users.begin(), s.users.end(), who.name) != s.users.end()) return {};
  if (is_member(who, s.groups)) return {};
  return refuse("they are not among those who may.");
}

result<void> become(const account& who) {
  // Where this is no privileged program, it can be the one that it is already.
  if (::geteuid() != 0 && ::geteuid() == who.uid && ::getuid() == who.uid) return {};
  if (::initgroups(who.name.c_str(), who.gid) != 0) return system_error("initgroups");
  if (::setresgid(who.gid, who.gid, who.gid) != 0) return system_error("setresgid");
  if (::setresuid(who.uid, who.uid, who.uid) != 0) return system_error("setresuid");
  if (who.uid != 0 && ::setresuid(0, 0, 0) == 0) return error{errc::io, "root came back"};
  return {};
}

result<void> check_kernelspec(const std::string& directory) {
  if (is_safe_to_the_root(directory) && is_safe_to_the_root(directory + "/kernel.json")) return {};
  return error{errc::refused, "the kernelspec in " + directory +
                                  " cannot be read, or could be changed by others: it must be "
                                  "root's or the user's own, as must all directories above it"};
}

}  // namespace kmux::spawn
