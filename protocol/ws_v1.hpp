#pragma once
// The subprotocol v1.kernel.websocket.jupyter.org: binary messages,
// [u64le count, u64le offset × count, channel, header, parent_header, metadata, content, buffer…].

#include <string_view>

#include "protocol/error.hpp"
#include "protocol/message.hpp"
#include "protocol/ws_frame.hpp"

namespace kmux {

inline constexpr std::string_view ws_v1_subprotocol = "v1.kernel.websocket.jupyter.org";

struct channel_message {
  kmux::channel channel = channel::shell;
  message_view message;  ///< points into what was decoded
};

/// Checks each count, offset and length before it is used. Looks at no JSON.
errc decode_ws_v1(std::string_view payload, const message_limits&, channel_message& out);

ws_payload encode_ws_v1(channel, const message_view&);

}  // namespace kmux
