#include "protocol/nudge.hpp"

#include <random>

#include <gtest/gtest.h>

namespace kmux {
namespace {

using action = nudge::action;
using namespace std::chrono_literals;

TEST(nudge, reply_and_iopub_are_both_needed) {
  nudge n;
  nudge::clock::time_point t{};
  EXPECT_EQ(n.start(t), action::send_kernel_info);
  EXPECT_EQ(n.on_reply(t), action::none);
  EXPECT_FALSE(n.connected());
  EXPECT_EQ(n.on_timer(t), action::none) << "before its time";
  t = n.deadline();
  EXPECT_EQ(n.on_timer(t), action::send_kernel_info) << "the reply came, iopub is silent";
  EXPECT_EQ(n.on_iopub(t), action::none);
  EXPECT_TRUE(n.connected());
  EXPECT_EQ(n.deadline(), nudge::clock::time_point::max());
}

TEST(nudge, requests_do_not_queue_up_at_a_kernel_that_has_not_bound) {
  nudge n;
  nudge::clock::time_point t{};
  n.start(t);
  EXPECT_EQ(n.on_timer(t + 1s), action::none);
  EXPECT_EQ(n.on_timer(t + 4s), action::send_kernel_info);
  EXPECT_EQ(n.sent(), 2);
}

TEST(nudge, random_walk) {
  std::mt19937 random(7);
  for (int walk = 0; walk < 20'000; ++walk) {
    nudge n;
    nudge::clock::time_point t{};
    bool replied = false, heard = false;
    n.start(t);
    for (int step = 0; step < 50; ++step) {
      t += std::chrono::milliseconds(random() % 50);
      const int before = n.sent();
      const bool was = n.connected();
      switch (random() % 3) {
        case 0:
          n.on_reply(t);
          replied = true;
          break;
        case 1:
          n.on_iopub(t);
          heard = true;
          break;
        default:
          n.on_timer(t);
      }
      ASSERT_EQ(n.connected(), replied && heard);
      if (was) {
        ASSERT_EQ(n.sent(), before) << "nothing is asked of a connected kernel";
      }
      ASSERT_EQ(n.deadline() == nudge::clock::time_point::max(), n.connected());
    }
  }
}

}  // namespace
}  // namespace kmux
