#include "protocol/header.hpp"

#include <gtest/gtest.h>

#include "protocol/ids.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"
#include "protocol/requests.hpp"

namespace kmux {
namespace {

TEST(header, picks_what_routing_needs) {
  header h;
  ASSERT_EQ(
      peek_header(
          R"({"x": {"msg_id": "inner"}, "msg_id": "1", "session": "\u00e9\ud83d\ude00", )"
          R"("msg_type": "status", "username": null, "n": [1e300, NaN, 123456789012345678901234567890], "subshell_id": "s"})",
          h),
      errc::ok);
  EXPECT_EQ(h.msg_id, "1");
  EXPECT_EQ(h.session, "é😀");
  EXPECT_EQ(h.msg_type, "status");
  EXPECT_EQ(h.username, "");
  EXPECT_EQ(h.subshell_id, "s");
  ASSERT_EQ(peek_header("null", h), errc::ok);
  ASSERT_EQ(peek_header("{}", h), errc::ok);
  EXPECT_EQ(h.msg_id, "");
}

TEST(header, names_each_error) {
  header h;
  EXPECT_EQ(peek_header("", h), errc::bad_json);
  EXPECT_EQ(peek_header("{", h), errc::bad_json);
  EXPECT_EQ(peek_header("5", h), errc::not_an_object);
  EXPECT_EQ(peek_header("[]", h), errc::not_an_object);
  EXPECT_EQ(peek_header(R"("x")", h), errc::not_an_object);
  EXPECT_EQ(peek_header(R"({"msg_id": 5})", h), errc::bad_field);
  EXPECT_EQ(peek_header(R"({"msg_id": {}})", h), errc::bad_field);
  EXPECT_EQ(peek_header("{\"msg_id\": \"\xff\"}", h), errc::bad_utf8);
  EXPECT_EQ(peek_header("{\"a\":" + std::string(100'000, '['), h), errc::bad_json);
}

TEST(header, execution_state) {
  EXPECT_EQ(peek_execution_state(R"({"execution_state": "busy"})"), "busy");
  EXPECT_EQ(peek_execution_state(R"({"x": {"execution_state": "busy"}})"), "");
  EXPECT_EQ(peek_execution_state("nonsense"), "");
}

TEST(header, what_is_made_is_read) {
  header h;
  ASSERT_EQ(peek_header(make_header({"i\"d", "s", "u", "d", "t"}), h), errc::ok);
  EXPECT_EQ(h.msg_id, "i\"d");
  EXPECT_EQ(h.msg_type, "t");
}

TEST(ids, uuids_are_valid_and_differ) {
  const auto one = make_uuid();
  EXPECT_TRUE(is_valid_id(one)) << one;
  EXPECT_EQ(one[14], '4');
  EXPECT_NE(one, make_uuid());
  EXPECT_TRUE(is_valid_id("a-b-c-d-e"));
  for (const auto* bad :
       {"", "a", "a-b-c-d", "a-b-c-d-", "-a-b-c-d", "a-b-c-d-e-f", "a-b-c-d-../x", "a--c-d-e"}) {
    EXPECT_FALSE(is_valid_id(bad)) << bad;
  }
  EXPECT_EQ(random_hex(24).size(), 48U);
}

TEST(json, quoting_makes_text_safe) {
  EXPECT_EQ(json_quote("a\"\\\n\x01é"), R"("a\"\\\n\u0001é")");
  EXPECT_EQ(json_quote("a\xff\xed\xa0\x80z"),
            "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
  EXPECT_TRUE(is_utf8("plain ascii of more than eight, é and 😀"));
  for (const auto* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "12345678\xe2\x82", "\xf0\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(json, nesting_is_bounded) {
  EXPECT_TRUE(json::parse(std::string(200, '[') + std::string(200, ']'), "it").has_value());
  const auto deep = json::parse(std::string(100'000, '['), "it");
  ASSERT_FALSE(deep.has_value());
  EXPECT_NE(deep.error().detail.find("nested"), std::string::npos);
}

TEST(json, numbers_are_what_was_written) {
  const auto again = [](const std::string& number) {
    const auto parsed = json::parse(number, "it");
    return parsed ? json::dump(*parsed) : parsed.error().detail;
  };
  for (const char* const each : {"0", "-1", "18446744073709551615", "-9223372036854775808", "0.1",
                                 "1e300", "-2.5", "5e-324", "123456789.12345679"}) {
    EXPECT_EQ(again(each), each);
  }
  EXPECT_EQ(again("18446744073709551616"), "18446744073709553000.0");
  EXPECT_EQ(again("1e-400"), "0.0");
  EXPECT_EQ(again(std::string("0.") + std::string(400, '0') + "1"), "0.0");
  // Where RapidJSON's own conversion read beyond its table.
  EXPECT_EQ(again("400099510844887629894.0009" + std::string(390, '0') + "E-00400"), "0.0");
  for (const auto& each : {std::string("1e400"), "1" + std::string(400, '0')}) {
    EXPECT_NE(again(each).find("too "), std::string::npos) << again(each);
  }
  EXPECT_NE(again("1e").find("not JSON"), std::string::npos);
}

TEST(requests, dates) {
  EXPECT_EQ(iso_date(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(iso_date(951827696000005), "2000-02-29T12:34:56.000005Z");
}

}  // namespace
}  // namespace kmux
