#include "daemon/http/text.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::string_literals;
using pairs = std::vector<std::pair<std::string, std::string>>;

TEST(text, iequals_is_for_ascii_letters_only) {
  EXPECT_TRUE(iequals("", ""));
  EXPECT_TRUE(iequals("Content-LENGTH", "content-length"));
  EXPECT_FALSE(iequals("host", "hosts"));
  EXPECT_FALSE(iequals("hosts", "host"));
  // 32 apart like letters are, but none.
  EXPECT_FALSE(iequals("[", "{"));
  EXPECT_FALSE(iequals("@", "`"));
  EXPECT_FALSE(iequals("\xc3\x89", "\xc3\xa9")) << "É and é";
}

TEST(text, percent_decoding) {
  EXPECT_EQ(percent_decode(""), "");
  EXPECT_EQ(percent_decode("/a%20b%2Fc%2f%C3%A9"), "/a b/c/é");
  EXPECT_EQ(percent_decode("é"), "é");
  EXPECT_EQ(percent_decode("%2541"), "%41") << "decoded once";
  EXPECT_EQ(percent_decode("a+b%2B"), "a+b+");
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
}

TEST(text, malformed_escapes_are_refused) {
  for (const auto* bad : {"%", "a%", "%4", "%4x", "%x4", "%%41", "% 41", "%+1", "%-1", "%u0041"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
  // What is behind the end must not complete it.
  EXPECT_EQ(percent_decode(std::string_view("%41").substr(0, 2)), std::nullopt);
  EXPECT_EQ(percent_decode(std::string_view("%41").substr(0, 1)), std::nullopt);
}

TEST(text, nul_and_what_is_not_utf8_are_refused) {
  EXPECT_EQ(percent_decode("a%00b"), std::nullopt);
  EXPECT_EQ(percent_decode("a\0b"s), std::nullopt);
  for (const auto* bad : {"%FF", "\xff", "%C3", "%C3x", "%C0%AF", "%ED%A0%80", "%F4%90%80%80"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

TEST(text, percent_encoding) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a/b?c#d%e\r\n"), "a%2Fb%3Fc%23d%25e%0D%0A");
  EXPECT_EQ(percent_encode("[{@`"), "%5B%7B%40%60") << "next to letters, but none";
  EXPECT_EQ(percent_encode("é"), "%C3%A9");
}

TEST(text, what_is_encoded_is_decoded) {
  std::string all;
  for (char c = 1; c != 127; ++c)
    all += c;
  all += "\x7f é 😀";
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode(percent_encode(all), true), all) << "a plus is encoded, too";
}

TEST(text, queries) {
  EXPECT_EQ(parse_query(""), pairs{});
  EXPECT_EQ(parse_query("a=1&b=2"), (pairs{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(parse_query("a=1&a=2"), (pairs{{"a", "1"}, {"a", "2"}})) << "in order, none lost";
  EXPECT_EQ(parse_query("a&b=&=c"), (pairs{{"a", ""}, {"b", ""}, {"", "c"}}));
  EXPECT_EQ(parse_query("&&a=1&"), (pairs{{"a", "1"}}));
  EXPECT_EQ(parse_query("a=b=c"), (pairs{{"a", "b=c"}}));
  // Cut first, decoded then: an encoded separator is a part of its value.
  EXPECT_EQ(parse_query("a%3D=%26b+%2B"), (pairs{{"a=", "&b +"}}));
  for (const auto* bad : {"a=%", "%=a", "a=1&b=%zz", "a=%00", "a=%ff"})
    EXPECT_EQ(parse_query(bad), std::nullopt) << bad;
}

TEST(text, tokens_of_a_list) {
  for (const auto* list : {"close", "Close", "a,close", "close,a", " a ,\tCLOSE\t, b", ",,close"})
    EXPECT_TRUE(has_token(list, "close")) << list;
  for (const auto* list : {"", ",", "closed", "xclose", "close x", "close;q=1", "clo,se"})
    EXPECT_FALSE(has_token(list, "close")) << list;
}

}  // namespace
}  // namespace kmux::daemon
