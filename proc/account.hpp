#pragma once
// A user of the system.

#include <string>
#include <sys/types.h>

#include "protocol/error.hpp"

namespace kmux {

struct account {
  std::string name, home, shell;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// errc::refused, with what to say to whoever asked, where there is no such login name. Asks the
/// system's name services, which may take a while.
result<account> find_account(const std::string& name);

}  // namespace kmux
