#pragma once
// What became of somebody's credentials.

#include <optional>
#include <string>

#include "daemon/auth/identity.hpp"

namespace kmux::daemon {

struct verdict {
  std::optional<identity> who;  ///< they may come in
  int status = 401;             ///< where they may not
  std::string problem;          ///< what to tell them: what to do

  static verdict refused(int status, std::string problem) {
    return {{}, status, std::move(problem)};
  }
};

}  // namespace kmux::daemon
