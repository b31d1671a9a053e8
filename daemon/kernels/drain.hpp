#pragma once
// Before maintenance: no new kernels, and an end for those that are left.

#include <functional>
#include <optional>

#include "daemon/async/alarm.hpp"

namespace kmux::daemon {

/// In memory alone: the next daemon starts kernels again. Loop thread only.
///
///   state    | begin                       | deadline                  | end
///   ---------+-----------------------------+---------------------------+------
///   off      | → on, with deadline or none | –                         | –
///   on       | the deadline is replaced    | `expired` is called, once | → off
class drain {
public:
  using clock = alarm::clock;

  drain(boost::asio::io_context& io, std::function<void()> expired)
      : timer_(io), expired_(std::move(expired)) {}

  void begin(std::optional<clock::duration> deadline) {
    on_ = true;
    deadline_ = clock::time_point::max();
    if (deadline) deadline_ = clock::now() + *deadline;
    timer_.set(deadline_, expired_);
  }
  void end() {
    on_ = false;
    timer_.cancel();
  }

  bool on() const noexcept { return on_; }
  /// Until the deadline, negative after it; nullopt: there is none.
  std::optional<clock::duration> left() const {
    if (!on_ || deadline_ == clock::time_point::max()) return std::nullopt;
    return deadline_ - clock::now();
  }

private:
  alarm timer_;
  std::function<void()> expired_;
  bool on_ = false;
  clock::time_point deadline_ = clock::time_point::max();
};

}  // namespace kmux::daemon
