#include "proc/supervise/access.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

#include "proc/unique_fd.hpp"

namespace kmux::supervise {
namespace {

constexpr std::uint16_t none = 0;
constexpr std::uint16_t read_only = ACL_READ;
constexpr std::uint16_t look = ACL_READ | ACL_EXECUTE;
constexpr std::uint16_t all = ACL_READ | ACL_WRITE | ACL_EXECUTE;

/// As the system takes it: little-endian, sorted by tag and then by user.
struct list {
  std::vector<posix_acl_xattr_entry> entries;

  void add(std::uint16_t tag, std::uint16_t may, std::uint32_t id = ACL_UNDEFINED_ID) {
    entries.push_back({tag, may, id});
  }
  std::string bytes() const {
    const posix_acl_xattr_header head{POSIX_ACL_XATTR_VERSION};
    std::string out(reinterpret_cast<const char*>(&head), sizeof head);
    out.append(reinterpret_cast<const char*>(entries.data()), entries.size() * sizeof entries[0]);
    return out;
  }
};

/// For us (whoever owns a file), the user, and nobody else.
list list_for(uid_t user, std::uint16_t may, bool and_us) {
  const uid_t us = ::geteuid();
  list out;
  out.add(ACL_USER_OBJ, all);
  if (and_us && us < user) out.add(ACL_USER, all, us);
  out.add(ACL_USER, may, user);
  if (and_us && us > user) out.add(ACL_USER, all, us);
  out.add(ACL_GROUP_OBJ, none);
  out.add(ACL_MASK, may);
  out.add(ACL_OTHER, none);
  return out;
}

bool set(int fd, const char* name, const list& what) {
  const auto bytes = what.bytes();
  return ::fsetxattr(fd, name, bytes.data(), bytes.size(), 0) == 0;
}

}  // namespace

result<void> share_directory(const std::string& path, uid_t user, sharing how) {
  const bool writing = how == sharing::writing;
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  // What the user makes belongs to them, and we are to read it.
  if (fd &&
      set(fd.get(), "system.posix_acl_default",
          list_for(user, writing ? all : read_only, writing)) &&
      set(fd.get(), "system.posix_acl_access", list_for(user, writing ? all : look, false))) {
    return {};
  }
  const int why = errno;
  return error{errc::io, "cannot share " + path + " with user " + std::to_string(user) + ": " +
                             std::strerror(why) +
                             (why == EOPNOTSUPP ? ". Put it on a file system with access control "
                                                  "lists, or leave kernels.spawn empty"
                                                : "")};
}

}  // namespace kmux::supervise
