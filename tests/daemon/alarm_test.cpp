#include "daemon/async/alarm.hpp"

#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::chrono_literals;
using clock = alarm::clock;

/// Due at once, so that nothing here waits for time to pass.
constexpr auto due = clock::time_point::min();

/// Runs what is due, and then what that made due.
void run(boost::asio::io_context& io) {
  io.restart();
  io.poll();
}

TEST(alarm, rings_once_and_from_the_loop) {
  boost::asio::io_context io;
  alarm a(io);
  int rung = 0;
  EXPECT_FALSE(a.armed());
  a.set(due, [&] { ++rung; });
  EXPECT_TRUE(a.armed());
  EXPECT_EQ(rung, 0);
  run(io);
  EXPECT_EQ(rung, 1);
  EXPECT_FALSE(a.armed());
  run(io);
  EXPECT_EQ(rung, 1);
}

TEST(alarm, does_not_ring_before_its_time) {
  boost::asio::io_context io;
  alarm a(io);
  bool rung = false;
  a.set(clock::now() + 1h, [&] { rung = true; });
  run(io);
  EXPECT_FALSE(rung);
  EXPECT_FALSE(io.stopped()) << "it is still set";
}

TEST(alarm, never_is_never_and_keeps_no_loop_alive) {
  boost::asio::io_context io;
  alarm a(io);
  bool rung = false;
  a.set(clock::time_point::max(), [&] { rung = true; });
  run(io);
  EXPECT_TRUE(io.stopped());
  // It takes the place of what was set before, as any other time does.
  a.set(due, [&] { rung = true; });
  a.set(clock::time_point::max(), [&] { rung = true; });
  run(io);
  EXPECT_FALSE(rung);
  EXPECT_TRUE(io.stopped());
}

TEST(alarm, the_last_setting_replaces_the_ones_before) {
  boost::asio::io_context io;
  alarm a(io);
  std::vector<int> rung;
  a.set(due, [&] { rung.push_back(1); });
  a.set(clock::now() + 1h, [&] { rung.push_back(2); });
  a.set(due, [&] { rung.push_back(3); });
  run(io);
  EXPECT_EQ(rung, std::vector{3});
  EXPECT_TRUE(io.stopped());
}

TEST(alarm, a_cancelled_one_does_not_ring_and_may_be_set_again) {
  boost::asio::io_context io;
  alarm a(io);
  int rung = 0;
  a.set(due, [&] { rung += 1; });
  a.cancel();
  a.cancel();
  run(io);
  EXPECT_EQ(rung, 0);
  a.set(due, [&] { rung += 10; });
  run(io);
  EXPECT_EQ(rung, 10);
}

/// Two alarms that are due together: when one rings, the other's handler is in the queue, where
/// Asio's own cancel() does not reach it. `act` is done to the other one then.
template <class Act>
int rings_in_the_same_round(Act act) {
  boost::asio::io_context io;
  std::optional<alarm> one(io), two(io);
  int rung = 0;
  one->set(due, [&] {
    ++rung;
    if (two) act(two);
  });
  two->set(due, [&] {
    ++rung;
    if (one) act(one);
  });
  run(io);
  return rung;
}

TEST(alarm, one_that_is_queued_to_ring_can_still_be_taken_back) {
  EXPECT_EQ(rings_in_the_same_round([](auto& other) { other->cancel(); }), 1);
  EXPECT_EQ(rings_in_the_same_round([](auto& other) { other.reset(); }), 1);
  EXPECT_EQ(rings_in_the_same_round([](auto& other) {
              other->set(clock::now() + 1h, [] { ADD_FAILURE() << "an hour too early"; });
            }),
            1);
  EXPECT_EQ(rings_in_the_same_round([](auto&) {}), 2) << "they do ring, left alone";
}

TEST(alarm, may_be_set_cancelled_or_destroyed_by_its_own_callback) {
  boost::asio::io_context io;
  int rung = 0;
  // What the callback holds must live until it has returned, though the alarm lets go of it.
  const auto held = std::make_shared<int>(7);
  auto a = std::make_optional<alarm>(io);
  const std::function<void()> last = [&, mine = held] {
    a.reset();
    EXPECT_EQ(*mine, 7);
    ++rung;
  };
  a->set(due, [&, mine = held] {
    a->cancel();
    EXPECT_EQ(*mine, 7);
    ++rung;
    a->set(due, last);
    EXPECT_EQ(*mine, 7);
  });
  run(io);
  EXPECT_EQ(rung, 2);
  EXPECT_FALSE(a.has_value());
}

TEST(alarm, lets_go_of_its_callback) {
  boost::asio::io_context io;
  const auto held = std::make_shared<int>(0);
  alarm a(io);
  a.set(due, [held] {});
  EXPECT_EQ(held.use_count(), 2);
  a.cancel();
  EXPECT_EQ(held.use_count(), 1) << "not only once the loop comes round";
  {
    alarm shorter(io);
    shorter.set(due, [held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace kmux::daemon
