#pragma once
// How late the loop is.

#include <chrono>

#include "daemon/async/alarm.hpp"
#include "daemon/metrics/histogram.hpp"

namespace kmux::daemon {

/// Asks the loop to wake it four times a second, and notes by how much it came too late: so long
/// whatever else was ready then had to wait. Loop thread only. stop() lets the loop run dry.
class loop_lag {
public:
  static constexpr auto pause = std::chrono::milliseconds(250);

  loop_lag(boost::asio::io_context& io, histogram& into) : timer_(io), into_(into) {}

  void start() {
    const auto due = alarm::clock::now() + pause;
    timer_.set(due, [this, due] {
      into_.observe(alarm::clock::now() - due);
      start();
    });
  }
  void stop() { timer_.cancel(); }

private:
  alarm timer_;
  histogram& into_;
};

}  // namespace kmux::daemon
