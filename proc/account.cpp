#include "proc/account.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <pwd.h>

namespace kmux {

result<account> find_account(const std::string& name) {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const int failed = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr && failed != 0 && failed != ENOENT && failed != ESRCH) {
    return error{errc::io, "cannot look for the user " + name + ": " + std::strerror(failed)};
  }
  // Name services may take a name that is only like another.
  if (found == nullptr || found->pw_name != name) {
    return error{errc::refused, name + " is no user of this system, and cannot have kernels here"};
  }
  return account{name, entry.pw_dir, entry.pw_shell, entry.pw_uid, entry.pw_gid};
}

}  // namespace kmux
