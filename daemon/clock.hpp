#pragma once
// Wall-clock dates as Jupyter writes them.

#include <chrono>
#include <string>

#include "protocol/requests.hpp"

namespace kmux::daemon {

inline std::string iso_time(std::chrono::system_clock::time_point t) {
  return iso_date(
      std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count());
}

inline std::string iso_now() {
  return iso_time(std::chrono::system_clock::now());
}

}  // namespace kmux::daemon
