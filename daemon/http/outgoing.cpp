#include "daemon/http/outgoing.hpp"

namespace kmux::daemon {

namespace {

/// Up to here a copy is cheaper than a gather list with a reference to the message.
constexpr std::size_t copy_limit = 16 << 10;

void append_frame_header(std::string& out, ws_opcode opcode, std::uint64_t size) {
  out += static_cast<char>(0x80 | static_cast<std::uint8_t>(opcode));  // FIN
  int width = 0;
  if (size < 126) {
    out += static_cast<char>(size);
  } else if (size <= 0xffff) {
    out += static_cast<char>(126);
    width = 2;
  } else {
    out += static_cast<char>(127);
    width = 8;
  }
  while (width > 0)
    out += static_cast<char>(size >> (8 * --width));
}

}  // namespace

outgoing_ptr make_outgoing(std::string bytes) {
  auto out = std::make_shared<outgoing>();
  out->head = std::move(bytes);
  out->size = out->head.size();
  return out;
}

outgoing_ptr make_ws_frame(ws_payload payload, std::shared_ptr<const void> keep) {
  struct owner {
    ws_payload payload;
    std::shared_ptr<const void> keep;
  };
  auto out = std::make_shared<outgoing>();
  const std::size_t size = payload.size();
  const auto opcode = payload.text ? ws_opcode::text : ws_opcode::binary;
  if (size <= copy_limit) {
    out->head.reserve(size + 10);
    append_frame_header(out->head, opcode, size);
    for (const auto piece : payload.pieces)
      out->head += piece;
    out->size = out->head.size();
    return out;
  }
  append_frame_header(out->head, opcode, size);
  out->size = out->head.size() + size;
  out->rest = payload.pieces;
  out->keep = std::make_shared<owner>(owner{std::move(payload), std::move(keep)});
  return out;
}

outgoing_ptr make_ws_control(ws_opcode opcode, std::string_view payload) {
  std::string bytes;
  append_frame_header(bytes, opcode, payload.size());
  bytes += payload;
  return make_outgoing(std::move(bytes));
}

outgoing_ptr make_ws_close(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  // A control frame has at most 125 bytes; cut between characters, not inside one.
  std::size_t length = std::min<std::size_t>(reason.size(), 123);
  while (length < reason.size() && length > 0 && (reason[length] & 0xc0) == 0x80)
    --length;
  payload += reason.substr(0, length);
  return make_ws_control(ws_opcode::close, payload);
}

}  // namespace kmux::daemon
