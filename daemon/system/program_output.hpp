#pragma once
// Runs a program and reads what it says.

#include <chrono>
#include <string>
#include <vector>

#include "protocol/error.hpp"

namespace kmux::daemon {

struct program_output {
  int status = 0;    ///< exit status; 128 + its number where a signal ended it
  std::string text;  ///< stdout and stderr, the first 64 KiB
};

/// argv[0] is a path. Blocks until it has ended; at the deadline it is killed, with an error, as
/// where it cannot be started. Environment and directory are ours, stdin is /dev/null, no other
/// descriptor is given, signals are as at first. Not for the loop's thread.
result<program_output> run_program(const std::vector<std::string>& argv, std::chrono::seconds most);

}  // namespace kmux::daemon
