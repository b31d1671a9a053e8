#include "daemon/http/outgoing.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::string_literals;

/// All bytes, as they go to the socket.
std::string flat(const outgoing& o) {
  std::string out = o.head;
  for (const auto piece : o.rest)
    out += piece;
  EXPECT_EQ(o.size, out.size());
  return out;
}

ws_payload payload_of(std::string_view bytes, bool text = false) {
  ws_payload out;
  out.text = text;
  out.pieces = {bytes};
  return out;
}

TEST(outgoing, bytes_as_they_are) {
  EXPECT_EQ(flat(*make_outgoing("a\0b"s)), "a\0b"s);
}

TEST(ws_frame, literal_bytes) {
  EXPECT_EQ(flat(*make_ws_frame(payload_of("Hello", true), nullptr)), "\x81\x05Hello");
  EXPECT_EQ(flat(*make_ws_frame(payload_of("\0\xff"s), nullptr)), "\x82\x02\0\xff"s);
  EXPECT_EQ(flat(*make_ws_frame(payload_of(""), nullptr)), "\x82\0"s);
  EXPECT_EQ(flat(*make_ws_control(ws_opcode::ping, "")), "\x89\0"s);
  EXPECT_EQ(flat(*make_ws_control(ws_opcode::pong, "x")), "\x8a\x01x");
}

TEST(ws_frame, the_length_takes_the_fewest_bytes) {
  const struct {
    std::size_t size;
    std::string header;
  } table[] = {
      {125, "\x82\x7d"s},
      {126, "\x82\x7e\x00\x7e"s},
      {65535, "\x82\x7e\xff\xff"s},
      {65536, "\x82\x7f\0\0\0\0\0\x01\0\0"s},
      {0x123456, "\x82\x7f\0\0\0\0\0\x12\x34\x56"s},
  };
  for (const auto& each : table) {
    const std::string payload(each.size, 'x');
    EXPECT_TRUE(flat(*make_ws_frame(payload_of(payload), nullptr)) == each.header + payload)
        << each.size;
  }
}

TEST(ws_frame, small_payloads_are_copied) {
  auto memory = std::make_shared<std::string>(16 << 10, 'x');
  const auto frame = make_ws_frame(payload_of(*memory), memory);
  EXPECT_EQ(memory.use_count(), 1) << "nothing is held that is not needed";
  const std::string expected = "\x82\x7e\x40\0"s + *memory;
  memory->assign(memory->size(), 'y');
  EXPECT_TRUE(flat(*frame) == expected);
}

TEST(ws_frame, large_payloads_are_held_and_not_copied) {
  auto memory = std::make_shared<std::string>((16 << 10) + 1, 'x');
  const std::string expected =
      "\x82\x7e\x40\x04"
      "abc" +
      *memory;
  // The glue is the payload's own: it must move into the frame with the pieces still pointing at
  // it.
  ws_payload payload;
  payload.glue = {'a', 'b', 'c'};
  payload.pieces = {{payload.glue.data(), payload.glue.size()}, *memory};
  const auto* const where = memory->data();
  const std::weak_ptr<std::string> alive = memory;
  auto frame = make_ws_frame(std::move(payload), std::move(memory));
  ASSERT_FALSE(alive.expired());
  EXPECT_TRUE(flat(*frame) == expected);
  EXPECT_EQ(frame->rest.back().data(), where);
  frame.reset();
  EXPECT_TRUE(alive.expired());
}

TEST(ws_close, code_and_reason) {
  EXPECT_EQ(flat(*make_ws_close(1001, "bye")),
            "\x88\x05\x03\xe9"
            "bye");
  EXPECT_EQ(flat(*make_ws_close(4404, "")), "\x88\x02\x11\x34");
}

TEST(ws_close, a_long_reason_is_cut_between_characters) {
  const auto reason_sent = [](const std::string& reason) {
    const auto bytes = flat(*make_ws_close(1008, reason));
    EXPECT_LE(bytes.size(), 127U) << "a control frame has at most 125 bytes";
    EXPECT_EQ(static_cast<std::size_t>(bytes[1]), bytes.size() - 2);
    return bytes.substr(4);
  };
  const std::string full(123, 'a');
  EXPECT_EQ(reason_sent(full), full);
  EXPECT_EQ(reason_sent(full + "b"), full);
  // é and 😀 across the limit, at each of their bytes, and just before it.
  const std::string most(119, 'a');
  EXPECT_EQ(reason_sent(most + "😀"), most + "😀");
  EXPECT_EQ(reason_sent(most + "😀😀"), most + "😀");
  EXPECT_EQ(reason_sent(most + "a😀"), most + "a");
  EXPECT_EQ(reason_sent(most + "aa😀"), most + "aa");
  EXPECT_EQ(reason_sent(most + "aaa😀"), most + "aaa");
  EXPECT_EQ(reason_sent(most + "aaaé"), most + "aaa");
  EXPECT_EQ(reason_sent(most + "aaéé"), most + "aaé");
}

}  // namespace
}  // namespace kmux::daemon
