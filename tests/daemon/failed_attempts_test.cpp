#include "daemon/auth/failed_attempts.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::chrono_literals;

class attempts : public testing::Test {
protected:
  failed_attempts::clock::duration fail(const std::string& address = "a") {
    const auto delay = all_.failed(address, now_);
    all_.answered(address);
    return delay;
  }
  failed_attempts all_;
  failed_attempts::clock::time_point now_{};
};

TEST_F(attempts, a_few_mistakes_cost_nothing_and_guessing_does) {
  for (int i = 0; i < failed_attempts::free; ++i)
    EXPECT_EQ(fail(), 0s);
  auto before = fail();
  EXPECT_EQ(before, failed_attempts::first_delay);
  for (int i = 0; i < 100; ++i) {
    const auto delay = fail();
    EXPECT_GE(delay, before);
    before = delay;
  }
  EXPECT_EQ(before, failed_attempts::longest_delay);
  EXPECT_EQ(fail("b"), 0s) << "another address";
}

TEST_F(attempts, are_forgotten_after_a_while) {
  for (int i = 0; i < 20; ++i)
    fail();
  now_ += failed_attempts::forgotten_after + 1s;
  EXPECT_EQ(fail(), 0s);
}

TEST_F(attempts, only_so_many_wait_and_whoever_was_let_in_before_still_is) {
  all_.succeeded("a", 7);
  for (std::size_t i = 0; i < failed_attempts::most_waiting; ++i) {
    EXPECT_TRUE(all_.may_try("a", 8));
    all_.failed("a", now_);
  }
  EXPECT_FALSE(all_.may_try("a", 8));
  EXPECT_TRUE(all_.may_try("a", 7));
  EXPECT_TRUE(all_.may_try("b", 8));
  EXPECT_FALSE(all_.may_try("a", 9));
  all_.answered("a");
  EXPECT_TRUE(all_.may_try("a", 8));
}

TEST_F(attempts, from_any_number_of_addresses_take_bounded_memory) {
  for (int i = 0; i < 20; ++i)
    fail("first");
  for (std::size_t i = 0; i < 3 * failed_attempts::most_addresses; ++i) {
    now_ += 1us;
    fail(std::to_string(i));
  }
  EXPECT_EQ(fail("first"), 0s) << "the oldest was forgotten to make room";
  for (std::uint64_t i = 0; i < 2 * failed_attempts::most_known; ++i)
    all_.succeeded("a", i);
  EXPECT_TRUE(all_.may_try("a", 2 * failed_attempts::most_known - 1));
}

}  // namespace
}  // namespace kmux::daemon
