#pragma once
// Directories that kmuxd shares with one other user: access control lists, acl(5).

#include <string>
#include <sys/types.h>

#include "protocol/error.hpp"

namespace kmux::supervise {

enum class sharing {
  reading,  ///< the user may list the directory, and read what is made in it
  writing,  ///< the user may do anything in it; we may read and remove what they make
};

/// The directory must be ours, and in one of ours; nobody but we, that user and root can do
/// anything there. errc::io where the file system has no such lists.
result<void> share_directory(const std::string& path, uid_t user, sharing);

}  // namespace kmux::supervise
