#pragma once
// Waiting for a change, without polling.

#include <chrono>
#include <memory>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace kmux::daemon {

/// Completion token of all our awaits: an error is a value.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

/// A condition variable for coroutines of one loop. Waiters re-check what they wait for, because
/// notify() wakes all of them and the world may change before they run.
class event {
public:
  explicit event(boost::asio::io_context& io)
      : timer_(io, boost::asio::steady_timer::time_point::max()) {}

  void notify() { timer_.cancel(); }

  boost::asio::awaitable<void> wait() { co_await timer_.async_wait(as_result); }

private:
  boost::asio::steady_timer timer_;
};

/// The same for waits that have an end: each has a timer of its own.
class timed_event {
public:
  explicit timed_event(boost::asio::io_context& io) : io_(io) {}

  void notify() {
    for (auto* const each : waiting_)
      each->cancel();
  }

  boost::asio::awaitable<void> wait(std::chrono::steady_clock::duration most) {
    boost::asio::steady_timer timer(io_, most);
    waiting_.push_back(&timer);
    // Also where the wait is cancelled.
    const auto leave = [&](void*) { std::erase(waiting_, &timer); };
    const std::unique_ptr<void, decltype(leave)> leaving(this, leave);
    co_await timer.async_wait(as_result);
  }

private:
  boost::asio::io_context& io_;
  std::vector<boost::asio::steady_timer*> waiting_;
};

}  // namespace kmux::daemon
