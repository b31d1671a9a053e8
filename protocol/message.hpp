#pragma once
// A Jupyter message as views into somebody else's memory.
// https://jupyter-client.readthedocs.io/en/stable/messaging.html

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace kmux {

/// The channels that carry messages (the heartbeat carries none).
enum class channel : std::uint8_t { shell, control, stdin_, iopub };

std::string_view to_string(channel) noexcept;  ///< "shell", "control", "stdin", "iopub"
std::optional<channel> channel_from(std::string_view name) noexcept;

/// The four JSON dictionaries, byte for byte as they were received, and the raw buffers.
/// Owns nothing: valid as long as the frames it was decoded from.
struct message_view {
  std::string_view header;
  std::string_view parent_header;
  std::string_view metadata;
  std::string_view content;
  std::vector<std::string_view> buffers;  ///< empty (no allocation) for nearly all messages

  friend bool operator==(const message_view&, const message_view&) = default;
};

/// What a decoder accepts at the most. Each bound is inclusive.
struct message_limits {
  std::size_t max_bytes = std::size_t{512} << 20;  ///< the whole message
  std::size_t max_header_bytes = 64 << 10;         ///< header and parent_header, each
  std::size_t max_buffers = 4096;
  std::size_t max_identities = 16;
  std::size_t max_identity_bytes = 255;  ///< as libzmq: a routing id is one byte long
};

}  // namespace kmux
