#include "daemon/kernels/place.hpp"

#include <gtest/gtest.h>

#include "daemon/kernels/kept_aside.hpp"
#include "daemon/kernels/message_order.hpp"

namespace kmux::daemon {
namespace {

TEST(place, takes_what_comes_in_order) {
  auto p = place::at_end(0);
  EXPECT_FALSE(p.position());
  EXPECT_TRUE(p.on_message(7)) << "the first that it sees is where it begins";
  EXPECT_TRUE(p.on_message(8));
  EXPECT_FALSE(p.on_message(8)) << "again";
  EXPECT_FALSE(p.behind());
}

TEST(place, falls_behind_where_something_is_missing) {
  auto p = place::at_end(3);
  EXPECT_FALSE(p.on_message(5));
  EXPECT_TRUE(p.behind());
  EXPECT_FALSE(p.on_message(6)) << "the journal has it";
  std::optional<message_gap> gap;
  EXPECT_TRUE(p.on_stored(4, gap));
  EXPECT_TRUE(p.on_stored(5, gap));
  EXPECT_FALSE(p.on_stored(5, gap));
  EXPECT_FALSE(gap);
  EXPECT_FALSE(p.on_journal_end(5, 6, gap)) << "6 has come meanwhile";
  EXPECT_TRUE(p.on_stored(6, gap));
  EXPECT_TRUE(p.on_journal_end(6, 6, gap));
  EXPECT_FALSE(gap);
  EXPECT_TRUE(p.on_message(7));
}

TEST(place, says_what_cannot_be_had) {
  auto p = place::after(0);
  EXPECT_TRUE(p.behind());
  std::optional<message_gap> gap;
  EXPECT_TRUE(p.on_stored(10, gap));
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->first, 1U);
  EXPECT_EQ(gap->last, 9U);
  gap.reset();
  EXPECT_TRUE(p.on_journal_end(12, 12, gap)) << "known, and yet not there";
  ASSERT_TRUE(gap);
  EXPECT_EQ(gap->first, 11U);
  EXPECT_EQ(gap->last, 12U);
}

TEST(place, that_is_ahead_waits_for_what_it_does_not_know) {
  auto p = place::after(20);
  std::optional<message_gap> gap;
  EXPECT_TRUE(p.on_journal_end(5, 5, gap));
  EXPECT_FALSE(gap);
  EXPECT_FALSE(p.on_message(6));
  EXPECT_FALSE(p.behind());
  EXPECT_TRUE(p.on_message(21));
}

using order_of_ints = message_order<int>;
using turn = order_of_ints::turn;

TEST(message_order, keeps_what_comes_before_its_turn) {
  order_of_ints order;
  EXPECT_EQ(order.judge(10), turn::now) << "the first is where it begins";
  EXPECT_EQ(order.judge(12), turn::early);
  order.keep(12, 1, 12);
  EXPECT_FALSE(order.take());
  EXPECT_TRUE(order.waiting());
  EXPECT_EQ(order.judge(11), turn::now);
  EXPECT_EQ(order.take(), 12);
  EXPECT_EQ(order.judge(9), turn::late);
  EXPECT_FALSE(order.waiting());
  EXPECT_EQ(order.newest(), 12U);
}

TEST(message_order, goes_on_without_what_does_not_come) {
  order_of_ints order;
  EXPECT_EQ(order.judge(1), turn::now);
  order.keep(5, 1, 5);
  order.keep(6, 1, 6);
  order.skip();
  EXPECT_EQ(order.take(), 5);
  EXPECT_EQ(order.take(), 6);
  EXPECT_FALSE(order.take());
  for (std::uint64_t n = 0; n <= order_of_ints::most_kept; ++n)
    order.keep(100 + n, 1, static_cast<int>(n));
  EXPECT_EQ(order.take(), 0) << "there is an end to waiting";
}

TEST(message_order, keeps_no_more_bytes_than_it_may) {
  order_of_ints order;
  EXPECT_EQ(order.judge(1), turn::now);
  order.keep(3, order_of_ints::most_bytes, 3);
  order.keep(3, order_of_ints::most_bytes, 3);  // the same again is not kept, nor counted
  EXPECT_FALSE(order.take());
  order.keep(5, 1, 5);
  EXPECT_EQ(order.take(), 3);
  EXPECT_FALSE(order.take()) << "what is given out does not count any more";
}

TEST(kept_aside, gives_in_order_what_is_not_beyond) {
  kept_aside<char> aside;
  aside.add({5, 1, 'a'}, 10);
  aside.add({7, 1, 'b'}, 10);
  EXPECT_FALSE(aside.take(4));
  EXPECT_EQ(aside.take(6)->message, 'a');
  EXPECT_FALSE(aside.take(6));
  EXPECT_EQ(aside.take(9)->number, 7U);
  EXPECT_EQ(aside.bytes(), 0U);
}

TEST(kept_aside, keeps_no_more_bytes_than_it_may) {
  kept_aside<char> aside;
  aside.add({1, 20, 'a'}, 10);  // the first may have any size
  aside.add({2, 1, 'b'}, 10);
  EXPECT_EQ(aside.bytes(), 20U);
  EXPECT_EQ(aside.take(9)->message, 'a');
  EXPECT_FALSE(aside.take(9));
}

}  // namespace
}  // namespace kmux::daemon
