#include "protocol/ws_v1.hpp"

#include <random>

#include <gtest/gtest.h>

namespace kmux {
namespace {

using namespace std::string_literals;

/// Six offsets after their count, the channel's name, and four parts of two bytes.
std::string small_message() {
  std::string out = "\x06\0\0\0\0\0\0\0"s;
  for (const char offset : {56, 61, 63, 65, 67, 69})
    out += offset + "\0\0\0\0\0\0\0"s;
  return out + "shell{}{}{}{}";
}

errc decode(std::string_view bytes, channel_message& out) {
  return decode_ws_v1(bytes, {}, out);
}

TEST(ws_v1, literal_bytes) {
  channel_message m;
  const std::string bytes = small_message();
  ASSERT_EQ(decode(bytes, m), errc::ok);
  EXPECT_EQ(m.channel, channel::shell);
  EXPECT_EQ(m.message, (message_view{"{}", "{}", "{}", "{}", {}}));
  EXPECT_EQ(encode_ws_v1(channel::shell, m.message).flatten(), bytes);
}

TEST(ws_v1, every_truncation_is_an_error) {
  const std::string bytes = small_message();
  channel_message m;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_NE(decode(std::string_view(bytes).substr(0, n), m), errc::ok) << n;
  }
  EXPECT_EQ(decode(bytes + "x", m), errc::bad_offset);
}

TEST(ws_v1, wrong_offsets_are_errors) {
  const std::string good = small_message();
  channel_message m;
  for (std::size_t index = 1; index <= 6; ++index) {
    for (const unsigned char wrong : {0, 7, 255}) {
      std::string bytes = good;
      bytes[8 * index] = static_cast<char>(wrong);
      EXPECT_NE(decode(bytes, m), errc::ok) << index << ' ' << int{wrong};
      bytes = good;
      bytes[8 * index + 7] = static_cast<char>(wrong | 0x80);
      EXPECT_NE(decode(bytes, m), errc::ok) << index;
    }
  }
  std::string bytes = good;
  bytes[7] = '\x7f';
  EXPECT_EQ(decode(bytes, m), errc::too_many);
  bytes = good;
  bytes[56] = 'S';
  EXPECT_EQ(decode(bytes, m), errc::unknown_channel);
}

TEST(ws_v1, what_goes_in_comes_out) {
  std::mt19937 random(1);
  const auto piece = [&](std::size_t most) {
    std::string out(random() % most, '\0');
    for (char& c : out)
      c = static_cast<char>(random());
    return out;
  };
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::string> own;
    for (int k = 0; k < 4; ++k)
      own.push_back(piece(100));
    for (auto k = random() % 4; k > 0; --k)
      own.push_back(piece(1000));
    message_view m{own[0], own[1], own[2], own[3], {own.begin() + 4, own.end()}};
    const auto c = static_cast<channel>(random() % 4);
    const std::string bytes = encode_ws_v1(c, m).flatten();
    channel_message back;
    ASSERT_EQ(decode(bytes, back), errc::ok);
    EXPECT_EQ(back.channel, c);
    EXPECT_EQ(back.message, m);
  }
}

}  // namespace
}  // namespace kmux
