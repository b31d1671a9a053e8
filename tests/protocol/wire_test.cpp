#include "protocol/wire.hpp"

#include <gtest/gtest.h>

namespace kmux {
namespace {

using frames = std::vector<std::string_view>;

errc decode(const frames& f, wire_view& out, message_limits limits = {}) {
  return decode_wire(f, limits, out);
}

TEST(wire, splits_identities_signature_and_parts) {
  wire_view w;
  const frames f = {"id1", "id2", "<IDS|MSG>", "sig", "{h}", "{p}", "{m}", "{c}", "b0", ""};
  ASSERT_EQ(decode(f, w), errc::ok);
  EXPECT_EQ(w.identities.size(), 2U);
  EXPECT_EQ(w.signature, "sig");
  EXPECT_EQ(w.message, (message_view{"{h}", "{p}", "{m}", "{c}", {"b0", ""}}));
}

TEST(wire, encodes_what_it_decodes) {
  const message_view m{"{h}", "{p}", "{m}", "{c}", {"one", "two"}};
  const auto f = encode_wire("sig", m);
  wire_view w;
  ASSERT_EQ(decode(f, w), errc::ok);
  EXPECT_EQ(w.message, m);
  EXPECT_TRUE(w.identities.empty());
}

TEST(wire, names_each_error) {
  wire_view w;
  EXPECT_EQ(decode({}, w), errc::no_delimiter);
  EXPECT_EQ(decode({"a", "b"}, w), errc::no_delimiter);
  EXPECT_EQ(decode({"<IDS|MSG>"}, w), errc::truncated);
  EXPECT_EQ(decode({"<IDS|MSG>", "s", "h", "p", "m"}, w), errc::truncated);
  const std::string long_id(256, 'x');
  EXPECT_EQ(decode({long_id, "<IDS|MSG>", "s", "h", "p", "m", "c"}, w), errc::too_large);
}

TEST(wire, keeps_its_limits) {
  wire_view w;
  message_limits limits;
  limits.max_buffers = 1;
  EXPECT_EQ(decode({"<IDS|MSG>", "s", "h", "p", "m", "c", "b"}, w, limits), errc::ok);
  EXPECT_EQ(decode({"<IDS|MSG>", "s", "h", "p", "m", "c", "b", "b"}, w, limits), errc::too_many);
  limits.max_header_bytes = 3;
  EXPECT_EQ(decode({"<IDS|MSG>", "s", "hhhh", "p", "m", "c"}, w, limits), errc::too_large);
  EXPECT_EQ(decode({"<IDS|MSG>", "s", "h", "pppp", "m", "c"}, w, limits), errc::too_large);
  limits.max_bytes = 6;
  EXPECT_EQ(decode({"<IDS|MSG>", "s", "h", "p", "m", "cc"}, w, limits), errc::ok);
  EXPECT_EQ(decode({"<IDS|MSG>", "s", "h", "p", "m", "ccc"}, w, limits), errc::too_large);
  limits.max_identities = 0;
  EXPECT_EQ(decode({"i", "<IDS|MSG>", "s", "h", "p", "m", "c"}, w, limits), errc::too_many);
}

}  // namespace
}  // namespace kmux
