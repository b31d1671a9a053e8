#pragma once
// The protocol without a subprotocol name: a JSON object as text; with buffers a binary message,
// [u32be count, u32be offset × count, JSON, buffer…].

#include <string>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/ws_v1.hpp"

namespace kmux {

/// A decoded message owns the few dictionaries that the client left out (`{}`); the rest points
/// into the payload, byte for byte.
/// A missing channel means shell, as everywhere. `text` says which kind of WebSocket message it
/// was. bad_json where the text is not one object, or nested deeper than 1000 within a member that
/// we would pass on; bad_utf8; unknown_channel; bad_offset; missing_field (header).
errc decode_ws_legacy(std::string_view payload, bool text, const message_limits&,
                      channel_message& out);

/// The text or binary form. msg_id and msg_type (JSON-escaped by this function) are repeated at the
/// top level. The dictionaries go out as they are; `is_legacy_safe` tells whether they may.
ws_payload encode_ws_legacy(channel, const message_view&, std::string_view msg_id,
                            std::string_view msg_type);

/// Whether the four dictionaries are each one complete JSON object in UTF-8, so that gluing them
/// into one text is sound. NaN, Infinity and -Infinity pass, as Python writes them. Never recurses.
bool is_legacy_safe(const message_view&);

}  // namespace kmux
