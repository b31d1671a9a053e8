#pragma once
// What kmux ends with. Firm: scripts rely on it.

#include <stdexcept>

#include <boost/assert/source_location.hpp>

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

/// For boost::system::result: its value was asked for where there is none.
[[noreturn]] inline void throw_exception_from_error(exit_code, const boost::source_location&) {
  throw std::logic_error("an answer that was not looked at");
}

}  // namespace kmux::cli
