#pragma once
// Starts kernels.

#include <chrono>
#include <string>
#include <vector>

#include "daemon/cli/kernels.hpp"

namespace kmux::cli {

struct start_request {
  std::string spec;
  std::string name;              ///< of a session that has it; empty: none
  std::string cwd;               ///< empty: kmuxd's choice
  std::vector<std::string> env;  ///< NAME=VALUE
};

outcome<kernel_view> start_kernel(const session&, const start_request&);

/// Until it answers; a failure where it dies first.
outcome<kernel_view> wait_until_up(const session&, const std::string& id,
                                   std::chrono::milliseconds most);

}  // namespace kmux::cli
