#pragma once
// Why something could not be done: what to say, what to try next, and what to end with.

#include <string>

#include <boost/system/result.hpp>

#include "daemon/cli/exit_code.hpp"
#include "protocol/error.hpp"

namespace kmux::cli {

struct failure {
  exit_code code = exit_code::failed;
  std::string text;
  std::string next = "kmux doctor";  ///< the command to try
};
[[noreturn]] void throw_exception_from_error(const failure&, const boost::source_location&);

template <class T>
using outcome = boost::system::result<T, failure>;

/// Of an answer or a file that makes no sense.
inline failure failure_of(const error& e) {
  return {exit_code::failed, e.detail};
}

}  // namespace kmux::cli
