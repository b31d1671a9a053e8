#include "protocol/message_number.hpp"

#include <gtest/gtest.h>

namespace kmux {
namespace {

message_number read(std::string_view last) {
  const std::string_view frames[] = {"first", last};
  return number_of(frames);
}

TEST(message_number, what_is_written_is_read) {
  EXPECT_EQ(numbered("kernel.x.stream", {12, true}), "kernel.x.stream;seq=12");
  EXPECT_EQ(numbered("", {12, false}), ";kept=no;seq=12");
  for (const message_number m : {message_number{1, true}, {~std::uint64_t{0}, false}}) {
    EXPECT_EQ(read(numbered("topic", m)), m);
    EXPECT_EQ(read(numbered("", m)), m);
  }
}

TEST(message_number, it_can_be_said_later_that_it_is_not_kept) {
  EXPECT_EQ(as_not_kept("topic;seq=12"), "topic;kept=no;seq=12");
  EXPECT_EQ(as_not_kept("topic;kept=no;seq=12"), "topic;kept=no;seq=12");
  EXPECT_EQ(as_not_kept("topic"), "topic");
}

TEST(message_number, anything_else_has_none) {
  for (const auto* const text : {"", "topic", ";seq=", ";seq=1x", ";seq=-1", ";seq=1;kept=no",
                                 ";seq=99999999999999999999", ";kept=no"}) {
    EXPECT_EQ(read(text), message_number{}) << text;
  }
  EXPECT_EQ(number_of({}), message_number{});
  EXPECT_EQ(read(";seq=1;seq=2").number, 2U) << "the last one is ours";
}

}  // namespace
}  // namespace kmux
