#include "protocol/wire.hpp"

#include <algorithm>

namespace kmux {

errc decode_wire(std::span<const std::string_view> frames, const message_limits& limits,
                 wire_view& out) {
  const auto delimiter = std::find(frames.begin(), frames.end(), wire_delimiter);
  if (delimiter == frames.end()) return errc::no_delimiter;
  const auto identities = static_cast<std::size_t>(delimiter - frames.begin());
  if (identities > limits.max_identities) return errc::too_many;
  for (const auto identity : frames.first(identities)) {
    if (identity.size() > limits.max_identity_bytes) return errc::too_large;
  }
  const auto rest = frames.subspan(identities + 1);
  if (rest.size() < 5) return errc::truncated;
  if (rest.size() - 5 > limits.max_buffers) return errc::too_many;
  std::size_t bytes = 0;
  for (const auto frame : rest)
    bytes += frame.size();
  if (bytes > limits.max_bytes || rest[1].size() > limits.max_header_bytes ||
      rest[2].size() > limits.max_header_bytes) {
    return errc::too_large;
  }
  out.identities = frames.first(identities);
  out.signature = rest[0];
  out.message.header = rest[1];
  out.message.parent_header = rest[2];
  out.message.metadata = rest[3];
  out.message.content = rest[4];
  out.message.buffers.assign(rest.begin() + 5, rest.end());
  return errc::ok;
}

std::vector<std::string_view> encode_wire(std::string_view signature, const message_view& m) {
  std::vector<std::string_view> frames(6 + m.buffers.size());
  frames[0] = wire_delimiter;
  frames[1] = signature;
  frames[2] = m.header;
  frames[3] = m.parent_header;
  frames[4] = m.metadata;
  frames[5] = m.content;
  std::copy(m.buffers.begin(), m.buffers.end(), frames.begin() + 6);
  return frames;
}

}  // namespace kmux
