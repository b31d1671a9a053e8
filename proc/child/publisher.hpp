#pragma once
// The iopub socket.

#include <chrono>
#include <deque>
#include <functional>

#include <zmq.hpp>

#include "proc/child/multipart.hpp"

namespace kmux::child {

/// Publishes in order and drops nothing while subscribers take what comes. A subscriber that takes
/// nothing for `patience` would hold up everybody: from then on it alone loses messages, until the
/// set of subscribers changes. Owned by the control loop; its thread only.
class publisher {
public:
  using clock = std::chrono::steady_clock;
  static constexpr auto patience = std::chrono::seconds(10);
  static constexpr std::size_t most_waiting = 64 << 20;  ///< bytes; then full()

  explicit publisher(zmq::socket_t socket) : socket_(std::move(socket)) {}

  void publish(frame_list&&);
  /// Sends what waited. To be called each time round the loop, and after `retry` where waiting().
  void flush(clock::time_point now);
  bool waiting() const noexcept { return !queue_.empty(); }
  /// Take nothing more from the source for now.
  bool full() const noexcept { return bytes_ > most_waiting; }

  /// Reads what subscribers said; calls with the topic of each new subscription.
  void read_subscriptions(const std::function<void(std::string_view)>& subscribed);

  zmq::socket_t& socket() noexcept { return socket_; }

private:
  struct waiting_message {
    frame_list frames;
    std::size_t bytes;
  };

  zmq::socket_t socket_;
  std::deque<waiting_message> queue_;
  std::size_t bytes_ = 0;
  clock::time_point blocked_since_ = clock::time_point::max();
  bool dropping_ = false;
};

}  // namespace kmux::child
