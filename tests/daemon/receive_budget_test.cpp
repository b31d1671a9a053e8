#include "daemon/http/receive_budget.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

constexpr std::size_t mib = 1 << 20;

struct client {
  explicit client(receive_budget& from) : share(from, [this] { dropped = true; }) {}
  bool dropped = false;
  receive_budget::share share;
};

TEST(receive_budget, counts_what_is_held) {
  receive_budget all(10 * mib);
  std::optional<client> one(all);
  client other(all);
  EXPECT_TRUE(one->share.hold(4 * mib));
  EXPECT_TRUE(one->share.hold(5 * mib));
  EXPECT_TRUE(other.share.hold(5 * mib));
  EXPECT_EQ(all.used(), 10 * mib);
  one.reset();
  EXPECT_EQ(all.used(), 5 * mib);
  other.share.release();
  EXPECT_EQ(all.used(), 0U);
}

TEST(receive_budget, whoever_holds_most_is_dropped_and_not_who_comes_last) {
  receive_budget all(10 * mib);
  client greedy(all), second(all), small(all);
  EXPECT_TRUE(second.share.hold(3 * mib));
  EXPECT_TRUE(greedy.share.hold(6 * mib));
  EXPECT_TRUE(small.share.hold(2 * mib));
  EXPECT_TRUE(greedy.dropped);
  EXPECT_FALSE(second.dropped);
  EXPECT_EQ(all.used(), 5 * mib) << "what was dropped does not count";
  EXPECT_FALSE(small.share.hold(9 * mib)) << "now it has most itself";
  EXPECT_FALSE(second.dropped);
  EXPECT_EQ(all.used(), 3 * mib);
}

TEST(receive_budget, small_amounts_go_through_whatever_others_hold) {
  receive_budget all(mib);
  client greedy(all), small(all);
  EXPECT_TRUE(greedy.share.hold(mib));
  EXPECT_TRUE(small.share.hold(receive_budget::share::free));
  EXPECT_FALSE(greedy.dropped);
  EXPECT_TRUE(small.share.hold(receive_budget::share::free + 1));
  EXPECT_TRUE(greedy.dropped);
}

TEST(receive_budget, many_may_have_to_go) {
  receive_budget all(10 * mib);
  client a(all), b(all), c(all);
  EXPECT_TRUE(a.share.hold(5 * mib));
  EXPECT_TRUE(b.share.hold(5 * mib));
  all.set_most(5 * mib);
  EXPECT_TRUE(c.share.hold(mib));
  EXPECT_TRUE(a.dropped && b.dropped);
  EXPECT_EQ(all.used(), mib);
}

}  // namespace
}  // namespace kmux::daemon
