#include "daemon/async/event.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

namespace asio = boost::asio;

/// Counts how often it was woken, and waits again.
asio::awaitable<void> count(event& changed, int& woken) {
  while (true) {
    co_await changed.wait();
    ++woken;
  }
}

void run(asio::io_context& io) {
  io.restart();
  io.poll();
}

TEST(event, wakes_all_who_wait_once_each) {
  asio::io_context io;
  event changed(io);
  int one = 0, two = 0;
  asio::co_spawn(io, count(changed, one), asio::detached);
  asio::co_spawn(io, count(changed, two), asio::detached);
  run(io);
  EXPECT_EQ(one + two, 0);
  changed.notify();
  EXPECT_EQ(one + two, 0) << "from the loop, not from within notify()";
  run(io);
  EXPECT_EQ(one, 1);
  EXPECT_EQ(two, 1);
  changed.notify();
  run(io);
  EXPECT_EQ(one, 2);
  EXPECT_EQ(two, 2);
}

TEST(event, remembers_nothing_for_those_who_come_later) {
  asio::io_context io;
  event changed(io);
  changed.notify();
  int woken = 0;
  asio::co_spawn(io, count(changed, woken), asio::detached);
  run(io);
  EXPECT_EQ(woken, 0);
  // Two changes before the loop comes round wake once: a waiter looks at the world, not at a count.
  changed.notify();
  changed.notify();
  run(io);
  EXPECT_EQ(woken, 1);
}

TEST(timed_event, wakes_who_waits_and_lets_go_of_who_has_waited_long_enough) {
  asio::io_context io;
  timed_event changed(io);
  int woken = 0;
  const auto wait = [&](std::chrono::steady_clock::duration most) -> asio::awaitable<void> {
    co_await changed.wait(most);
    ++woken;
  };
  asio::co_spawn(io, wait(std::chrono::hours(1)), asio::detached);
  asio::co_spawn(io, wait(std::chrono::hours(1)), asio::detached);
  run(io);
  EXPECT_EQ(woken, 0);
  changed.notify();
  run(io);
  EXPECT_EQ(woken, 2);
  changed.notify();
  asio::co_spawn(io, wait(std::chrono::milliseconds(1)), asio::detached);
  io.restart();
  io.run();
  EXPECT_EQ(woken, 3);
}

}  // namespace
}  // namespace kmux::daemon
