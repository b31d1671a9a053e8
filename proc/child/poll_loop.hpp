#pragma once
// A thread's event loop: ZeroMQ sockets and descriptors, and a way to end it.

#include <chrono>
#include <functional>
#include <vector>

#include <zmq.hpp>

#include "proc/child/event_fd.hpp"

namespace kmux::child {

/// Set up and run by one thread; stop() may be called by any, at any time, more than once. What is
/// watched must outlive run().
class poll_loop {
public:
  using callback = std::function<void()>;
  using condition = std::function<bool()>;

  /// `when` (may be empty) is asked each time round: without it nothing is read, and the peer feels
  /// back-pressure.
  void watch(zmq::socket_t&, callback, condition when = {});
  void watch(int fd, callback, condition when = {});
  /// Called after each turn; returns how long to sleep at most (max: until something happens).
  void each_turn(std::function<std::chrono::milliseconds()> f) { turn_ = std::move(f); }

  static constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

  void run();
  void stop() noexcept { stop_.set(); }

private:
  struct watched {
    zmq_pollitem_t item;
    callback call;
    condition when;
  };
  void wait(std::chrono::milliseconds timeout, std::vector<zmq_pollitem_t>& items);

  std::vector<watched> watched_;
  std::function<std::chrono::milliseconds()> turn_;
  event_fd stop_;
};

}  // namespace kmux::child
