#pragma once
// Bytes on their way to a client.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ws_frame.hpp"

namespace kmux::daemon {

/// One piece of output that is sent whole and in order. Immutable and shared: a kernel's message is
/// framed once, however many clients it goes to (server frames are not masked, RFC 6455
/// section 5.1).
struct outgoing {
  std::string head;                    ///< sent first; small messages are in here completely
  std::vector<std::string_view> rest;  ///< sent after it; points into what `keep` holds
  std::shared_ptr<const void> keep;
  std::size_t size = 0;  ///< of head and rest together
};

using outgoing_ptr = std::shared_ptr<const outgoing>;

outgoing_ptr make_outgoing(std::string bytes);

enum class ws_opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// An unfragmented server frame (RFC 6455 section 5.2) around `payload`. Small payloads are copied;
/// large ones are sent from where they are, and `keep` must own what they point into.
outgoing_ptr make_ws_frame(ws_payload payload, std::shared_ptr<const void> keep);
outgoing_ptr make_ws_control(ws_opcode, std::string_view payload);
/// `reason` is cut to the 123 bytes that fit.
outgoing_ptr make_ws_close(std::uint16_t code, std::string_view reason);

}  // namespace kmux::daemon
