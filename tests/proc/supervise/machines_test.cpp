// The small machines: heartbeat, stop ladder, restart policy. Scripts, and a walk for each.
#include <random>

#include <gtest/gtest.h>

#include "proc/supervise/heartbeat.hpp"
#include "proc/supervise/restart_policy.hpp"
#include "proc/supervise/stop_ladder.hpp"

namespace kmux::supervise {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
constexpr int steps = 1'000'000;

TEST(heartbeat, late_then_silent_then_responsive) {
  heartbeat h({.interval = 10s, .late_after = 2s, .silent_after = 20s});
  clock::time_point t{};
  EXPECT_EQ(h.now(), heartbeat::state::idle);
  EXPECT_EQ(h.start(t), heartbeat::action::ping);
  EXPECT_EQ(h.now(), heartbeat::state::responsive);
  EXPECT_EQ(h.on_timer(t + 1s), heartbeat::action::none);
  h.on_timer(t + 2s);
  EXPECT_EQ(h.now(), heartbeat::state::late);
  EXPECT_EQ(h.on_timer(t + 20s), heartbeat::action::ping);
  EXPECT_EQ(h.now(), heartbeat::state::silent);
  h.on_answer(t + 21s);
  EXPECT_EQ(h.now(), heartbeat::state::responsive);
  EXPECT_EQ(h.deadline(), t + 31s);
  EXPECT_EQ(h.on_timer(t + 31s), heartbeat::action::ping);
  h.stop();
  EXPECT_EQ(h.now(), heartbeat::state::idle);
  EXPECT_EQ(h.deadline(), clock::time_point::max());
}

TEST(heartbeat, walk) {
  std::mt19937 random(1);
  heartbeat h({.interval = 10s, .late_after = 2s, .silent_after = 20s});
  clock::time_point t{};
  for (int i = 0; i < steps; ++i) {
    t += std::chrono::milliseconds(random() % 3000);
    const auto was_due = h.deadline() <= t;
    heartbeat::action done = heartbeat::action::none;
    switch (random() % 8) {
      case 0:
        done = h.on_answer(t);
        break;
      case 1:
        if (h.now() == heartbeat::state::idle) h.start(t);
        break;
      case 2:
        if (random() % 50 == 0) h.stop();
        break;
      default:
        done = h.on_timer(t);
        ASSERT_TRUE(was_due || done == heartbeat::action::none);
    }
    ASSERT_EQ(h.deadline() == clock::time_point::max(), h.now() == heartbeat::state::idle);
  }
}

TEST(stop_ladder, asks_insists_kills) {
  stop_ladder s({.message = 2s, .term = 3s});
  clock::time_point t{};
  EXPECT_EQ(s.start(t, true), stop_ladder::action::ask);
  EXPECT_EQ(s.on_timer(t + 1s), stop_ladder::action::none);
  EXPECT_EQ(s.on_timer(t + 2s), stop_ladder::action::sigterm);
  EXPECT_EQ(s.on_timer(t + 5s), stop_ladder::action::sigkill);
  EXPECT_EQ(s.deadline(), clock::time_point::max());
  s.on_exited();
  EXPECT_FALSE(s.running());
}

TEST(stop_ladder, who_cannot_be_asked_is_not) {
  stop_ladder s;
  EXPECT_EQ(s.start({}, false), stop_ladder::action::sigterm);
  EXPECT_EQ(s.hurry(), stop_ladder::action::sigkill);
  EXPECT_EQ(s.hurry(), stop_ladder::action::none);
  stop_ladder at_once;
  EXPECT_EQ(at_once.start({}, true, true), stop_ladder::action::sigkill);
}

TEST(stop_ladder, walk_never_goes_down_a_rung) {
  std::mt19937 random(2);
  clock::time_point t{};
  stop_ladder s;
  for (int i = 0; i < steps; ++i) {
    t += std::chrono::milliseconds(random() % 2000);
    const auto before = s.now();
    switch (random() % 6) {
      case 0:
        s.start(t, random() % 2 == 0, random() % 8 == 0);
        break;
      case 1:
        if (random() % 4 == 0) s.hurry();
        break;
      case 2:
        if (random() % 8 == 0) s.on_exited();
        break;
      default:
        s.on_timer(t);
    }
    if (before != stop_ladder::state::idle && before != stop_ladder::state::ended) {
      ASSERT_GE(s.now(), before);
    }
    ASSERT_EQ(s.deadline() != clock::time_point::max(),
              s.now() == stop_ladder::state::asked || s.now() == stop_ladder::state::terminating);
  }
}

TEST(restart_policy, doubles_and_gives_up) {
  restart_policy p({.limit = 3, .first = 100ms, .longest = 300ms});
  const clock::time_point t{};
  EXPECT_EQ(p.on_death(t), 100ms);
  EXPECT_EQ(p.on_death(t), 200ms);
  EXPECT_EQ(p.on_death(t), 300ms);
  EXPECT_EQ(p.on_death(t), std::nullopt);
  p.reset();
  EXPECT_EQ(p.on_death(t), 100ms);
}

TEST(restart_policy, a_stable_life_begins_anew) {
  restart_policy p({.limit = 1, .first = 100ms, .stable_for = 10s});
  const clock::time_point t{};
  for (int i = 0; i < 5; ++i) {
    p.on_ready(t);
    EXPECT_EQ(p.on_death(t + 10s), 100ms);
  }
  p.on_ready(t);
  EXPECT_EQ(p.on_death(t + 9s), std::nullopt);
  EXPECT_EQ(restart_policy({.enabled = false}).on_death(t), std::nullopt);
}

TEST(restart_policy, walk_stays_within_its_limits) {
  std::mt19937 random(3);
  restart_policy p({.limit = 5, .first = 100ms, .longest = 2s, .stable_for = 10s});
  clock::time_point t{};
  for (int i = 0; i < steps; ++i) {
    t += std::chrono::milliseconds(random() % 8000);
    switch (random() % 4) {
      case 0:
        p.on_ready(t);
        break;
      case 1:
        if (random() % 16 == 0) p.reset();
        break;
      default:
        if (const auto pause = p.on_death(t)) {
          ASSERT_GE(*pause, 100ms);
          ASSERT_LE(*pause, 2s);
        }
    }
    ASSERT_LE(p.failures(), 5);
  }
}

}  // namespace
}  // namespace kmux::supervise
