#include "daemon/kernels/delivery.hpp"

#include <gtest/gtest.h>

#include "protocol/ws_legacy.hpp"
#include "protocol/ws_v1.hpp"
#include "tests/daemon/captured_log.hpp"

namespace kmux::daemon {
namespace {

/// The one frame's payload, which is shorter than 64 KiB.
std::string payload_of(const outgoing_ptr& frame) {
  std::string bytes = frame->head;
  for (const auto piece : frame->rest)
    bytes += piece;
  return bytes.substr(static_cast<unsigned char>(bytes[1]) < 126 ? 2 : 4);
}

constexpr char text_frame = '\x81', binary_frame = '\x82';

message_view message(std::string_view content = R"({"n": NaN})") {
  return {R"({"msg_id": "1"})", "{}", R"({"m": 1})", content, {}};
}

TEST(delivery, the_message_in_both_protocols) {
  const auto m = message();
  delivery d(channel::iopub, m, "1", "status", nullptr);
  channel_message back;

  const auto v1 = d.frame(ws_protocol::v1);
  ASSERT_NE(v1, nullptr);
  EXPECT_EQ(v1->head[0], binary_frame);
  auto payload = payload_of(v1);
  ASSERT_EQ(decode_ws_v1(payload, {}, back), errc::ok);
  EXPECT_EQ(back.channel, channel::iopub);
  EXPECT_EQ(back.message, m);

  const auto legacy = d.frame(ws_protocol::legacy);
  ASSERT_NE(legacy, nullptr);
  EXPECT_EQ(legacy->head[0], text_frame);
  payload = payload_of(legacy);
  ASSERT_EQ(decode_ws_legacy(payload, true, {}, back), errc::ok);
  EXPECT_EQ(back.channel, channel::iopub);
  EXPECT_EQ(back.message, m);
  EXPECT_NE(payload.find(R"("msg_id": "1", "msg_type": "status")"), std::string::npos) << payload;
}

TEST(delivery, buffers_make_the_legacy_frame_binary) {
  auto m = message();
  m.buffers = {"one", "\xff\xfe"};
  delivery d(channel::shell, m, "1", "x", nullptr);
  const auto& legacy = d.frame(ws_protocol::legacy);
  ASSERT_NE(legacy, nullptr);
  EXPECT_EQ(legacy->head[0], binary_frame);
  const auto payload = payload_of(legacy);
  channel_message back;
  ASSERT_EQ(decode_ws_legacy(payload, false, {}, back), errc::ok);
  EXPECT_EQ(back.message, m);
}

TEST(delivery, all_clients_of_a_protocol_share_one_frame) {
  const auto m = message();
  delivery d(channel::iopub, m, "1", "status", nullptr);
  const auto* const v1 = d.frame(ws_protocol::v1).get();
  const auto* const legacy = d.frame(ws_protocol::legacy).get();
  EXPECT_NE(v1, legacy);
  EXPECT_EQ(d.frame(ws_protocol::v1).get(), v1);
  EXPECT_EQ(d.frame(ws_protocol::legacy).get(), legacy);
}

TEST(delivery, large_frames_hold_the_memory_that_they_point_into) {
  auto memory = std::make_shared<std::string>("{\"x\": \"" + std::string(20'000, 'x') + "\"}");
  const std::weak_ptr<std::string> alive = memory;
  outgoing_ptr v1, legacy;
  {
    const auto m = message(*memory);
    delivery d(channel::iopub, m, "1", "status", std::move(memory));
    v1 = d.frame(ws_protocol::v1);
    legacy = d.frame(ws_protocol::legacy);
  }
  ASSERT_FALSE(alive.expired());
  v1.reset();
  ASSERT_FALSE(alive.expired());
  EXPECT_NE(payload_of(legacy).find(*alive.lock()), std::string::npos);
  legacy.reset();
  EXPECT_TRUE(alive.expired());
}

TEST(delivery, what_would_break_a_text_frame_is_dropped_for_its_readers_alone) {
  for (const auto* bad : {"", "{", "[]", "{}, \"x\": {}", "{\"a\": \"\xff\"}"}) {
    const captured_log log;
    const auto m = message(bad);
    delivery d(channel::iopub, m, "1", "odd", nullptr);
    EXPECT_EQ(d.frame(ws_protocol::legacy), nullptr) << bad;
    EXPECT_EQ(d.frame(ws_protocol::legacy), nullptr) << bad;
    // Told once, not for each client; and never with what is in it.
    const auto said = log.text();
    const auto first = said.find("event=message_not_text msg_type=odd");
    ASSERT_NE(first, std::string::npos) << said;
    EXPECT_EQ(said.find("event=", first + 1), std::string::npos) << said;

    const auto v1 = d.frame(ws_protocol::v1);
    ASSERT_NE(v1, nullptr) << bad;
    const auto payload = payload_of(v1);
    channel_message back;
    ASSERT_EQ(decode_ws_v1(payload, {}, back), errc::ok);
    EXPECT_EQ(back.message, m);
  }
}

}  // namespace
}  // namespace kmux::daemon
