// What a real kernel sends goes through every codec and comes out as it was.
#include "captures.hpp"

#include <gtest/gtest.h>

#include "protocol/header.hpp"
#include "protocol/signer.hpp"
#include "protocol/wire.hpp"
#include "protocol/ws_legacy.hpp"
#include "protocol/ws_v1.hpp"

namespace kmux {

namespace captures {
void PrintTo(const capture& c, std::ostream* out) {
  *out << c.msg_type;  // or GoogleTest names each test by the bytes of its pointers
}
}  // namespace captures

namespace {

class captured : public testing::TestWithParam<captures::capture> {
protected:
  void SetUp() override { ASSERT_EQ(decode_wire(GetParam().frames, {}, wire_), errc::ok); }

  const message_view& message() const { return wire_.message; }
  channel from() const { return GetParam().channel == "shell" ? channel::shell : channel::iopub; }

  wire_view wire_;
};

TEST_P(captured, is_signed_and_is_signed_again_the_same) {
  signer s{std::string(captures::key)};
  EXPECT_TRUE(s.verify(message(), wire_.signature));
  signer::signature storage;
  EXPECT_EQ(s.sign(message(), storage), wire_.signature);
}

TEST_P(captured, has_the_type_and_the_parent_it_had) {
  header head, parent;
  ASSERT_EQ(peek_header(message().header, head), errc::ok);
  ASSERT_EQ(peek_header(message().parent_header, parent), errc::ok);
  EXPECT_EQ(head.msg_type, GetParam().msg_type);
  EXPECT_EQ(head.msg_id.empty(), false);
  if (!parent.msg_type.empty()) {
    EXPECT_EQ(parent.session, "client");
  }
}

TEST_P(captured, passes_v1_byte_for_byte) {
  const std::string payload = encode_ws_v1(from(), message()).flatten();
  channel_message back;
  ASSERT_EQ(decode_ws_v1(payload, {}, back), errc::ok);
  EXPECT_EQ(back.channel, from());
  EXPECT_EQ(back.message, message());
}

TEST_P(captured, passes_legacy_with_each_part_unchanged) {
  const std::string payload =
      encode_ws_legacy(from(), message(), "id", GetParam().msg_type).flatten();
  for (const auto part :
       {message().header, message().parent_header, message().metadata, message().content})
    EXPECT_NE(payload.find(part), std::string::npos) << part;
  for (const auto buffer : message().buffers)
    EXPECT_NE(payload.find(buffer), std::string::npos);
}

TEST_P(captured, is_encoded_to_the_frames_it_came_in) {
  const auto frames = encode_wire(wire_.signature, message());
  const auto& whole = GetParam().frames;
  EXPECT_TRUE(std::equal(frames.rbegin(), frames.rend(), whole.rbegin()));
}

INSTANTIATE_TEST_SUITE_P(ipykernel, captured, testing::ValuesIn(captures::ipykernel),
                         [](const auto& one) { return std::string(one.param.msg_type); });

}  // namespace
}  // namespace kmux
