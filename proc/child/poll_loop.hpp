#pragma once
// A thread's event loop: sockets that are bound (libzmq's), sockets that connect (our own),
// descriptors, and a way to end it.

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include <zmq.hpp>

#include "proc/child/event_fd.hpp"
#include "protocol/io/zmtp_socket.hpp"

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
  /// Connects it, and again; its handlers are called from here.
  void watch(zmtp_socket&, condition when = {});
  /// Called after each turn; returns how long to sleep at most (max: until something happens).
  void each_turn(std::function<std::chrono::milliseconds()> f) { turn_ = std::move(f); }

  static constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

  void run();
  void stop() noexcept { stop_.set(); }

  /// How long something may have waited for the loop: the longest round since this was last asked,
  /// or how late the loop woke for its clock. On the loop's thread.
  std::chrono::nanoseconds take_lag() noexcept {
    return std::exchange(lag_, std::chrono::nanoseconds(0));
  }

private:
  using clock = zmtp_socket::clock;
  struct watched {
    zmq_pollitem_t item;
    callback call;
    condition when;
  };
  struct watched_peer {
    zmtp_socket* socket;
    condition when;
  };

  void gather();
  void gather_peers();
  void wait(std::chrono::milliseconds timeout);
  void call_peers(std::size_t first);

  std::vector<watched> watched_;
  std::vector<watched_peer> peers_;
  std::function<std::chrono::milliseconds()> turn_;
  event_fd stop_;

  // One turn: what is waited for, and for whom.
  std::vector<zmq_pollitem_t> items_;
  std::vector<const watched*> who_;
  std::vector<watched_peer*> peers_waited_for_;
  clock::time_point until_;  ///< the next of the peers connects again
  std::chrono::nanoseconds lag_{0};
};

}  // namespace kmux::child
