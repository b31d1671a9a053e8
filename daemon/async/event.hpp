#pragma once
// Waiting for a change, without polling.

#include <chrono>

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

}  // namespace kmux::daemon
