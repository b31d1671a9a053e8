#include "protocol/ws_legacy.hpp"

#include <gtest/gtest.h>

namespace kmux {
namespace {

using namespace std::string_literals;

errc decode(std::string_view bytes, bool text, channel_message& out) {
  return decode_ws_legacy(bytes, text, {}, out);
}

TEST(ws_legacy, slices_are_the_bytes_that_came) {
  channel_message m;
  const std::string text =
      R"({"content" : { "a": [1, {"b": NaN}], "n": 123456789012345678901234567890 } , "buffers": [],)"
      R"( "header":{"msg_id":"\u00e9"},"channel":"control", "msg_id": "x", "parent_header":{}})";
  ASSERT_EQ(decode(text, true, m), errc::ok);
  EXPECT_EQ(m.channel, channel::control);
  EXPECT_EQ(m.message.header, R"({"msg_id":"\u00e9"})");
  EXPECT_EQ(m.message.content, R"({ "a": [1, {"b": NaN}], "n": 123456789012345678901234567890 })");
  EXPECT_EQ(m.message.parent_header, "{}");
  EXPECT_EQ(m.message.metadata, "{}");
}

TEST(ws_legacy, channel_defaults_to_shell_and_null_is_absent) {
  channel_message m;
  m.channel = channel::iopub;
  ASSERT_EQ(decode(R"({"header": {"a": 1}, "metadata": null, "channel": null})", true, m),
            errc::ok);
  EXPECT_EQ(m.channel, channel::shell);
  EXPECT_EQ(m.message.metadata, "{}");
}

TEST(ws_legacy, names_each_error) {
  channel_message m;
  const std::pair<std::string, errc> cases[] = {
      {"", errc::bad_json},
      {"{", errc::bad_json},
      {"[]", errc::not_an_object},
      {"5", errc::not_an_object},
      {"{}", errc::missing_field},
      {R"({"header": []})", errc::bad_field},
      {R"({"header": "x"})", errc::bad_field},
      {R"({"header": {}, "channel": "nowhere"})", errc::unknown_channel},
      {R"({"header": {}} trailing)", errc::bad_json},
      {"{\"header\": {\"a\": \"\xff\"}}", errc::bad_utf8},
      {R"({"header": {}, "content": )" + std::string(100'000, '['), errc::bad_field},
      {R"({"header": {}, "content": {"a": )" + std::string(100'000, '['), errc::bad_json},
      {R"({"header": {"a": ")" + std::string(70'000, 'x') + R"("}})", errc::too_large},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(decode(text, true, m), expected) << text.substr(0, 60);
  }
}

TEST(ws_legacy, binary_literal_bytes) {
  channel_message m;
  const std::string json = R"({"header": {"a":1}})";
  const std::string bytes = "\0\0\0\x03\0\0\0\x10\0\0\0\x23\0\0\0\x25"s + json + "b0" + "b1!";
  ASSERT_EQ(decode(bytes, false, m), errc::ok);
  EXPECT_EQ(m.message.header, R"({"a":1})");
  EXPECT_EQ(m.message.buffers, (std::vector<std::string_view>{"b0", "b1!"}));
  for (std::size_t n = 0; n < 16; ++n) {
    EXPECT_NE(decode(std::string_view(bytes).substr(0, n), false, m), errc::ok) << n;
  }
  EXPECT_EQ(decode("\0\0\0\0"s, false, m), errc::truncated);
  EXPECT_EQ(decode("\xff\xff\xff\xff"s, false, m), errc::too_many);
  EXPECT_EQ(decode("\0\0\0\x02\0\0\0\x0c\0\0\0\x04{}"s, false, m), errc::bad_offset);
}

TEST(ws_legacy, what_is_encoded_is_decoded) {
  for (const auto& buffers : {std::vector<std::string_view>{}, {"one", ""}}) {
    const message_view m{R"({"msg_id": "1"})", R"({"p": 2})", R"({"m": 3})", R"({"c": NaN})",
                         buffers};
    const auto payload = encode_ws_legacy(channel::iopub, m, "1\"", "status");
    EXPECT_EQ(payload.text, buffers.empty());
    channel_message back;
    const std::string bytes = payload.flatten();
    ASSERT_EQ(decode(bytes, payload.text, back), errc::ok);
    EXPECT_EQ(back.channel, channel::iopub);
    EXPECT_EQ(back.message, m);
    EXPECT_NE(bytes.find(R"("msg_id": "1\"", "msg_type": "status")"), std::string::npos);
  }
}

TEST(ws_legacy, only_whole_objects_may_be_glued) {
  const auto safe = [](std::string_view content) {
    return is_legacy_safe({"{}", "{}", "{}", content, {}});
  };
  EXPECT_TRUE(safe(R"({"a": [NaN, -Infinity]})"));
  EXPECT_FALSE(safe(R"({}, "channel": "stdin")"));
  EXPECT_FALSE(safe("{"));
  EXPECT_FALSE(safe("[]"));
  EXPECT_FALSE(safe(""));
  EXPECT_FALSE(safe("{\"a\": \"\xff\"}"));
  EXPECT_TRUE(safe("{\"a\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}"));
}

}  // namespace
}  // namespace kmux
