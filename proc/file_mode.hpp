#pragma once
// Who may read a new file.

#include <string>
#include <sys/stat.h>

namespace kmux {

/// A file is for its owner, and for whom its directory is: in a directory of 0700 it is 0600. Where
/// the directory has an access control list, acl(5), its group bits are that list's mask, and a
/// file made with them is for all who are in the directory's default list.
inline mode_t mode_in(const struct stat& directory) {
  constexpr mode_t owner = S_IRUSR | S_IWUSR;
  constexpr mode_t others = S_IRGRP | S_IWGRP;
  return owner | (directory.st_mode & others);
}

/// For a file at that path.
inline mode_t mode_beside(const std::string& path) {
  struct stat about {};
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return ::stat(folder.c_str(), &about) == 0 ? mode_in(about) : S_IRUSR | S_IWUSR;
}

}  // namespace kmux
