#include "protocol/ws_v1.hpp"

#include <array>
#include <cstdint>

namespace kmux {

namespace {

constexpr std::size_t fixed_parts = 5;  ///< channel and the four dictionaries

std::uint64_t load(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) {
    value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

void store(std::vector<char>& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i)
    out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

errc decode_ws_v1(std::string_view payload, const message_limits& limits, channel_message& out) {
  if (payload.size() > limits.max_bytes) return errc::too_large;
  if (payload.size() < 8) return errc::truncated;
  const std::uint64_t count = load(payload, 0);
  // One offset for each part, and one for the end.
  if (count < fixed_parts + 1) return errc::truncated;
  if (count - fixed_parts - 1 > limits.max_buffers) return errc::too_many;
  const std::size_t table = 8 * (static_cast<std::size_t>(count) + 1);
  if (payload.size() < table) return errc::truncated;
  std::uint64_t at = load(payload, 8);
  if (at != table) return errc::bad_offset;
  std::array<std::string_view, fixed_parts> parts;
  out.message.buffers.clear();
  for (std::size_t i = 1; i < count; ++i) {
    const std::uint64_t next = load(payload, 8 * (i + 1));
    if (next < at || next > payload.size()) return errc::bad_offset;
    const auto part =
        payload.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(next - at));
    if (i <= fixed_parts) {
      parts[i - 1] = part;
    } else {
      out.message.buffers.push_back(part);
    }
    at = next;
  }
  if (at != payload.size()) return errc::bad_offset;
  const auto named = channel_from(parts[0]);
  if (!named) return errc::unknown_channel;
  if (parts[1].size() > limits.max_header_bytes || parts[2].size() > limits.max_header_bytes) {
    return errc::too_large;
  }
  out.channel = *named;
  out.message.header = parts[1];
  out.message.parent_header = parts[2];
  out.message.metadata = parts[3];
  out.message.content = parts[4];
  return errc::ok;
}

ws_payload encode_ws_v1(channel c, const message_view& m) {
  const std::string_view name = to_string(c);
  const std::size_t count = fixed_parts + 1 + m.buffers.size();
  ws_payload out;
  out.glue.reserve(8 * (count + 1) + name.size());
  out.pieces.reserve(fixed_parts + m.buffers.size());
  std::uint64_t at = 8 * (count + 1);
  store(out.glue, count);
  store(out.glue, at);
  store(out.glue, at += name.size());
  const auto add = [&](std::string_view part) {
    store(out.glue, at += part.size());
    out.pieces.push_back(part);
  };
  out.pieces.emplace_back();  // the glue, when it is complete
  for (const auto part : {m.header, m.parent_header, m.metadata, m.content})
    add(part);
  for (const auto buffer : m.buffers)
    add(buffer);
  out.glue.insert(out.glue.end(), name.begin(), name.end());
  out.pieces.front() = {out.glue.data(), out.glue.size()};
  return out;
}

}  // namespace kmux
