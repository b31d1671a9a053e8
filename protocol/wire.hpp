#pragma once
// Multipart framing between client and kernel:
// [identity…, "<IDS|MSG>", signature, header, parent_header, metadata, content, buffer…]

#include <span>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/message.hpp"

namespace kmux {

inline constexpr std::string_view wire_delimiter = "<IDS|MSG>";

/// Views into the frames given to `decode_wire`.
struct wire_view {
  std::span<const std::string_view> identities;  ///< on iopub: the topic
  std::string_view signature;
  message_view message;
};

/// Splits frames. Checks counts and lengths against `limits`; neither signature nor JSON.
errc decode_wire(std::span<const std::string_view> frames, const message_limits& limits,
                 wire_view& out);

/// The frames from the delimiter on, in order; `signature` comes from a `signer`. The views must
/// live until the frames have been sent.
std::vector<std::string_view> encode_wire(std::string_view signature, const message_view&);

}  // namespace kmux
