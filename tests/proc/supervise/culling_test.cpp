// When kernels are ended by themselves: scripts, and a walk.
#include "proc/supervise/culling.hpp"

#include <random>

#include <gtest/gtest.h>

namespace kmux::supervise {
namespace {

using namespace std::chrono_literals;
using action = culling::action;
using duration = culling::duration;

constexpr culling::clock::time_point start{};
const culling::seen idle{};
const culling::seen active{.active = true};
const culling::seen busy{.busy = true};
const culling::seen connected{.connected = true};
const culling::seen unknown{.unknown = true};

/// A kernel that is looked at each minute.
struct script {
  culling::settings s{.limits = {10min, 0ms}, .warning = 2min};
  culling::clock::time_point now = start;
  culling c{start};

  action look(const culling::seen& what, duration passed = 1min) {
    return c.look(s, what, now += passed);
  }
  /// The last of so many looks, before which there was nothing.
  action after(int looks, const culling::seen& what) {
    for (int i = 1; i < looks; ++i)
      EXPECT_EQ(look(what), action::none) << i;
    return look(what);
  }
};

TEST(culling, tells_what_it_will_reach) {
  script t;
  EXPECT_FALSE(t.c.due().has_value());
  t.look(idle);
  EXPECT_EQ(t.c.due(), duration(9min));
  t.look(busy);
  EXPECT_FALSE(t.c.due().has_value());
  t.s.limits = {0ms, 5min};
  t.look(idle);
  EXPECT_EQ(t.c.due(), duration(2min));
  EXPECT_EQ(t.c.why(), culling::cause::age);
  t.s.limits = {};
  t.look(idle);
  EXPECT_FALSE(t.c.due().has_value());
}

TEST(culling, warns_and_ends) {
  script t;
  EXPECT_EQ(t.after(8, idle), action::warn);
  EXPECT_EQ(t.c.left(), 2min);
  EXPECT_EQ(t.after(2, idle), action::end);
  EXPECT_EQ(t.c.why(), culling::cause::idle);
}

TEST(culling, activity_takes_the_warning_back) {
  script t;
  EXPECT_EQ(t.after(8, idle), action::warn);
  EXPECT_EQ(t.look(active), action::none);
  EXPECT_EQ(t.after(8, idle), action::warn);
  EXPECT_EQ(t.after(2, idle), action::end);
}

TEST(culling, nothing_is_ended_where_it_is_off) {
  script t;
  t.s.limits = {};
  EXPECT_EQ(t.after(10'000, idle), action::none);
}

TEST(culling, who_is_excepted) {
  for (const auto& seen : {busy, connected, unknown}) {
    script t;
    EXPECT_EQ(t.after(100, seen), action::none);
  }
  script t;
  t.s.busy = t.s.connected = true;
  const culling::seen all{.busy = true, .connected = true, .unknown = true};
  EXPECT_EQ(t.after(8, all), action::warn);
  EXPECT_EQ(t.after(2, all), action::end);
}

TEST(culling, idle_time_begins_where_the_exception_ends) {
  for (const auto& seen : {busy, connected}) {
    script t;
    EXPECT_EQ(t.after(8, idle), action::warn);
    EXPECT_EQ(t.after(100, seen), action::none);
    EXPECT_EQ(t.after(8, idle), action::warn);
  }
}

TEST(culling, what_is_not_known_yet_stands_still) {
  script t;
  EXPECT_EQ(t.after(7, idle), action::none);
  EXPECT_EQ(t.after(100, unknown), action::none);
  EXPECT_EQ(t.look(idle), action::warn);
}

TEST(culling, age_waits_for_a_busy_kernel_and_does_not_heed_activity) {
  script t;
  t.s.limits = {0ms, 10min};
  EXPECT_EQ(t.after(20, busy), action::none);
  EXPECT_EQ(t.look(active), action::warn);
  EXPECT_EQ(t.after(2, active), action::end);
  EXPECT_EQ(t.c.why(), culling::cause::age);
}

TEST(culling, a_step_that_is_too_long_counts_as_one_interval) {
  script t;
  EXPECT_EQ(t.look(idle, 3min), action::none);
  EXPECT_EQ(t.c.so_far().idle, 3min);
  EXPECT_EQ(t.look(idle, 100h), action::none);
  EXPECT_EQ(t.c.so_far().idle, 4min);
  EXPECT_EQ(t.look(idle, -100h), action::none);
  EXPECT_EQ(t.c.so_far().idle, 4min);
  EXPECT_EQ(t.look(idle), action::none);
  EXPECT_EQ(t.c.so_far().age, 5min);
}

TEST(culling, the_next_look_is_when_something_is_due) {
  script t;
  t.s.interval = 1h;
  EXPECT_EQ(t.look(idle, 1min), action::none);
  EXPECT_EQ(t.c.next(), 7min);
  EXPECT_EQ(t.look(idle, 7min), action::warn);
  EXPECT_EQ(t.c.next(), 2min);
  EXPECT_EQ(t.look(idle, 1min), action::none);
  EXPECT_EQ(t.c.next(), 1min);
  EXPECT_EQ(t.look(active, 1s), action::none);
  EXPECT_EQ(t.c.next(), 8min);
  EXPECT_EQ(t.look(busy, 1s), action::none);
  EXPECT_EQ(t.c.next(), 1h);
}

TEST(culling, a_late_look_warns_all_the_same) {
  script t;
  t.s.interval = 20min;
  EXPECT_EQ(t.look(idle, 20min), action::warn);
  EXPECT_EQ(t.c.next(), 2min);
  EXPECT_EQ(t.look(idle, 2min), action::end);
}

TEST(culling, a_warning_is_no_longer_than_the_limit) {
  script t;
  t.s.limits.idle_timeout = 30s;
  EXPECT_EQ(t.look(active), action::warn);
  EXPECT_EQ(t.c.left(), 30s);
  EXPECT_EQ(t.look(idle, 30s), action::end);
}

TEST(culling, without_a_warning_it_ends_at_once) {
  script t;
  t.s.warning = 0min;
  EXPECT_EQ(t.after(10, idle), action::end);
}

TEST(culling, a_dry_run_says_it_once) {
  script t;
  t.s.dry_run = true;
  EXPECT_EQ(t.after(10, idle), action::would_end);
  EXPECT_EQ(t.after(100, idle), action::none);
  EXPECT_EQ(t.look(active), action::none);
  EXPECT_EQ(t.after(10, idle), action::would_end);
  t.s.dry_run = false;
  EXPECT_EQ(t.look(idle), action::warn);
  EXPECT_EQ(t.after(2, idle), action::end);
}

TEST(culling, goes_on_from_what_was_counted) {
  script t;
  t.c = culling(start, {9min, 50min});
  EXPECT_EQ(t.look(unknown), action::none);
  EXPECT_EQ(t.look(idle), action::warn);
  EXPECT_EQ(t.after(2, idle), action::end);
  EXPECT_EQ(t.c.so_far().age, 54min);
}

TEST(culling, the_more_specific_rule_wins) {
  const cull_limits all{1h, 2h};
  const std::vector<cull_rule> rules = {
      {"ir", "ann", 3h, {}}, {"", "ann", 4h, 5h}, {"ir", "", 6h, 7h}, {"ir", "", {}, 8h}};
  struct {
    std::string_view spec, owner;
    duration idle, age;
  } const table[] = {
      {"python3", "bob", 1h, 2h}, {"python3", "ann", 4h, 5h}, {"IR", "bob", 6h, 8h},
      {"ir", "ann", 3h, 5h},      {"ir", "Ann", 6h, 8h},
  };
  for (const auto& row : table) {
    const auto limits = limits_for(all, rules, row.spec, row.owner);
    EXPECT_EQ(limits.idle_timeout, row.idle) << row.spec << " " << row.owner;
    EXPECT_EQ(limits.max_age, row.age) << row.spec << " " << row.owner;
  }
}

/// Whatever happens: who is used, or was not warned in time, is not ended; who is not, is.
TEST(culling, walk) {
  std::mt19937 random(3);
  for (int run = 0; run < 2'000; ++run) {
    culling::settings s{
        .limits = {std::chrono::minutes(random() % 20), std::chrono::minutes(random() % 60)},
        .warning = std::chrono::minutes(random() % 5)};
    s.busy = random() % 2 == 0;
    s.connected = random() % 2 == 0;
    culling c(start);
    auto now = start;
    duration unused{0}, age{0}, since_warning{0}, overdue{0};
    bool warned = false;
    for (int i = 0; i < 500; ++i) {
      const bool jump = random() % 20 == 0;
      const duration passed =
          jump ? (random() % 2 == 0 ? 100h : -100h) : c.next() * (random() % 3) / 2;
      now += passed;
      culling::seen seen{random() % 16 == 0, random() % 16 == 0, random() % 16 == 0,
                         random() % 16 == 0};
      const auto done = c.look(s, seen, now);
      const duration step = jump ? (passed > 0h ? s.interval : 0min) : passed;
      const bool excepted = (seen.busy && !s.busy) || (seen.connected && !s.connected);
      unused = seen.active || excepted ? 0min : unused + step;
      age += step;
      since_warning += step;
      warned = warned && !excepted;
      const bool idle_out = s.limits.idle_timeout > 0ms && unused >= s.limits.idle_timeout;
      const bool age_out = s.limits.max_age > 0ms && age >= s.limits.max_age;
      if (done == action::warn) {
        warned = true;
        since_warning = 0min;
        ASSERT_GT(c.next(), 0min);
      }
      if (done == action::end) {
        ASSERT_TRUE(idle_out || age_out);
        ASSERT_FALSE(excepted || (seen.unknown && !s.busy));
        const auto shortest =
            std::min({s.warning, duration(s.limits.idle_timeout), duration(s.limits.max_age)});
        ASSERT_TRUE(warned ? since_warning >= shortest : shortest == 0min);
        break;
      }
      const bool may_go = !excepted && (!seen.unknown || s.busy) && (idle_out || age_out);
      overdue = may_go ? overdue + step : 0min;
      ASSERT_LE(overdue, s.warning + 3 * s.interval);
      ASSERT_LE(c.next(), s.interval);
      ASSERT_GT(c.next(), 0min);
      ASSERT_NE(done, action::would_end);
    }
  }
}

}  // namespace
}  // namespace kmux::supervise
