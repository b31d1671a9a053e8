#include "daemon/kernels/channels_socket.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/kernels/kernel.hpp"
#include "protocol/ws_legacy.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

channels_socket::channels_socket(std::shared_ptr<kernel> owner, std::string session_id,
                                 ws_protocol protocol)
    : kernel_(std::move(owner)), session_id_(std::move(session_id)), protocol_(protocol) {
}

channels_socket::~channels_socket() = default;

void channels_socket::opened(ws_link& link) {
  link_ = &link;
  kernel_->attach(*this);
}

void channels_socket::closed() {
  kernel_->detach(*this);
  link_ = nullptr;
}

void channels_socket::close(std::uint16_t code, std::string_view reason) {
  if (link_ == nullptr || link_->closing()) return;
  spdlog::info("event=client_closed kernel={} session={} code={} reason=\"{}\"", kernel_->id(),
               session_id_, code, reason);
  link_->close(code, reason);
}

void channels_socket::deliver(delivery& message) {
  if (link_ == nullptr || link_->closing()) return;
  const auto& frame = message.frame(protocol_);
  if (!frame) return;
  // The one being sent and one behind it may be of any size; more than that may not pass the bound.
  const std::size_t waiting = link_->waiting_bytes();
  if (waiting > 0 && waiting + frame->size > kernel_->settings().client_queue_bytes) {
    return close(close_code::too_slow,
                 fmt::format("The client is too slow: {} bytes were waiting for it.", waiting));
  }
  link_->send(frame);
}

errc channels_socket::decode(std::string_view payload, bool text, channel_message& out) const {
  const auto& limits = kernel_->settings().client_message_limits;
  if (protocol_ == ws_protocol::legacy) return decode_ws_legacy(payload, text, limits, out);
  return text ? errc::bad_field : decode_ws_v1(payload, limits, out);
}

asio::awaitable<void> channels_socket::received(std::string_view payload, bool text) {
  channel_message incoming;
  errc e = decode(payload, text, incoming);
  if (e == errc::ok) e = peek_header(incoming.message.header, head_);
  if (e == errc::ok && (head_.msg_type.empty() || head_.msg_id.empty())) e = errc::missing_field;
  if (e != errc::ok) {
    close(close_code::bad_message,
          fmt::format("That is not a message of the {} protocol: {}.",
                      protocol_ == ws_protocol::v1 ? "v1.kernel.websocket" : "default WebSocket",
                      to_string(e)));
    co_return;
  }
  // Clients have nothing to say on iopub; others ignore it, too.
  if (incoming.channel == channel::iopub) co_return;
  co_await kernel_->send_from(*this, incoming, head_);
}

}  // namespace kmux::daemon
