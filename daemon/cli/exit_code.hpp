#pragma once
// What kmux ends with. Firm: scripts rely on it.

namespace kmux::cli {

enum class exit_code {
  done = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  refused = 4,
  timed_out = 5,
  unreachable = 6,
};

}  // namespace kmux::cli
