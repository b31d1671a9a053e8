#include "daemon/http/trace_context.hpp"

#include <gmock/gmock.h>

#include "daemon/http/message.hpp"

namespace kmux::daemon {
namespace {

constexpr const char* trace = "0af7651916cd43dd8448eb211c80319c";
constexpr const char* good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(trace_context, a_good_one_is_taken_as_it_is) {
  EXPECT_EQ(parse_traceparent(good), good);
  EXPECT_EQ(trace_id_of(good), trace);
  EXPECT_EQ(trace_id_of(""), "");
}

TEST(trace_context, of_a_later_version_what_is_known_counts) {
  const std::string rest = std::string(good).substr(2);
  EXPECT_EQ(parse_traceparent("01" + rest), good);
  EXPECT_EQ(parse_traceparent("cc" + rest + "-what-will-come"), good);
  EXPECT_EQ(parse_traceparent("cc" + rest + ".what-will-come"), "");
  EXPECT_EQ(parse_traceparent("ff" + rest), "") << "is no version";
}

TEST(trace_context, what_is_none) {
  for (const std::string each : {
           "",
           "00",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333x-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
           "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
           "00-0af7651916cd43dd8448eb211c80319c\nb7ad6b7169203331-01",
       }) {
    EXPECT_EQ(parse_traceparent(each), "") << each;
  }
}

TEST(trace_context, of_a_request_that_has_one) {
  http_request request;
  EXPECT_EQ(traceparent_of(request), "");
  request.headers.emplace_back("TraceParent", good);
  EXPECT_EQ(traceparent_of(request), good);
  request.headers.emplace_back("traceparent", good);
  EXPECT_EQ(traceparent_of(request), "") << "which of two?";
}

TEST(trace_context, the_answer_has_the_trace_and_an_id_of_its_own) {
  const auto one = make_traceresponse(good), other = make_traceresponse(good);
  EXPECT_THAT(one, testing::MatchesRegex("00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00"));
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace kmux::daemon
