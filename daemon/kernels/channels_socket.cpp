#include "daemon/kernels/channels_socket.hpp"

#include <charconv>

#include <fmt/format.h>

#include "daemon/clock.hpp"
#include "daemon/kernels/kernel.hpp"
#include "daemon/system/log.hpp"
#include "protocol/json.hpp"
#include "protocol/ws_legacy.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

/// Between two pings, whose answers confirm what was sent before them: of many messages in a row
/// many share one, one by itself has its own at once.
constexpr auto confirm_pause = std::chrono::milliseconds(20);
constexpr std::size_t most_notices = 64;
constexpr std::size_t longest_session = 1024;  ///< bytes; thousands of names are noted, for replies
constexpr std::size_t unkept_share = 8;  ///< times as much may wait of what is not in the journal

}  // namespace

channels_socket::channels_socket(std::shared_ptr<kernel> owner, settings s)
    : kernel_(std::move(owner)),
      session_id_(std::move(s.session_id)),
      named_(s.named),
      read_only_(s.read_only),
      protocol_(s.protocol),
      resume_(s.resume),
      client_(std::move(s.client)),
      numbering_(s.resume.counts() ? numbering::shown : numbering::hidden),
      confirm_(kernel_->services().io) {
}

channels_socket::~channels_socket() = default;

void channels_socket::opened(ws_link& link) {
  link_ = &link;
  kernel_->attach(*this);
}

void channels_socket::closed() {
  confirm_.cancel();
  kernel_->detach(*this);
  link_ = nullptr;
}

void channels_socket::close(std::uint16_t code, std::string_view reason) {
  if (!open()) return;
  const trace_scope traced(client_.trace);
  kernel_->say("client_closed",
               {{"session", session_id_}, {"code", code}, event_member::text("reason", reason)});
  link_->close(code, reason);
}

std::string channels_socket::model() const {
  const auto position = place_.position();
  const auto head = kernel_->head();
  return fmt::format(
      R"({{"id": {}, "kernel": {}, "session": {}, "owner": {}, "address": {}, "since": "{}", )"
      R"("position": {}, "behind": {}, "waiting_bytes": {}}})",
      client_.number, json_quote(kernel_->id()), json_quote(session_id_), json_quote(client_.owner),
      json_quote(client_.address), iso_time(client_.since),
      position ? fmt::to_string(*position) : "null",
      position && head > *position ? head - *position : 0, waiting_bytes());
}

std::size_t channels_socket::waiting_bytes() const noexcept {
  return link_ == nullptr ? 0 : link_->waiting_bytes();
}

void channels_socket::send(channel from, const outgoing_ptr& frame) {
  kernel_->services().counted.count(from, direction::to_client, frame->size);
  link_->send(frame);
}

void channels_socket::begin(place where) {
  place_ = where;
  if (place_.behind()) start_reading();
}

/// The one being sent and one behind it may be of any size; more than that may not pass the bound.
/// What is not in the journal either would be lost, and so more of it may wait.
bool channels_socket::has_room_for(const outgoing& frame) const {
  const std::size_t waiting = link_->waiting_bytes();
  return waiting == 0 || waiting + frame.size <= most_waiting();
}

std::size_t channels_socket::most_waiting() const {
  return kernel_->settings().client_queue_bytes * (kernel_->recording() ? 1 : unkept_share);
}

/// The journal will not give it to a client that is behind.
void channels_socket::keep_aside(delivery& message, bool wanted) {
  if (message.kept()) return;
  const outgoing_ptr frame = wanted ? message.frame(protocol_, numbering_) : nullptr;
  const std::size_t bytes = frame ? frame->size : 0;
  aside_.add({message.number(),
              bytes + message.parent_header().size(),
              {message.from(), frame, std::string(message.parent_header())}},
             most_waiting());
}

void channels_socket::deliver(delivery& message, bool wanted) {
  if (!open()) return;
  const bool numbered = message.number() != 0;
  const bool fresh = !place_.position();
  if (numbered && !place_.on_message(message.number())) {
    if (!place_.behind()) return;
    keep_aside(message, wanted);
    return start_reading();
  }
  // A session of which nothing is known yet is known from its first message on.
  if (numbered && fresh && named_) kernel_->confirm(session_id_, message.number() - 1);
  if (wanted) {
    const auto& frame = message.frame(protocol_, numbering_);
    if (!frame) return;
    if (has_room_for(*frame)) {
      send(message.from(), frame);
    } else if (numbered) {
      place_ = place::after(message.number() - 1);
      keep_aside(message, wanted);
      return start_reading();
    } else {
      return close(close_code::too_slow,
                   fmt::format("The client is too slow: {} bytes were waiting for it.",
                               link_->waiting_bytes()));
    }
  }
  if (numbered) confirm_soon();
}

void channels_socket::tell(delivery& message, std::uint64_t after) {
  const auto& frame = message.frame(protocol_, numbering::hidden);
  if (!open() || !frame) return;
  if (!place_.behind()) return send(channel::iopub, frame);
  if (notices_.size() >= most_notices) notices_.pop_front();
  notices_.push_back({after, frame});
}

void channels_socket::send_notices(std::uint64_t up_to) {
  while (!notices_.empty() && notices_.front().after <= up_to) {
    send(channel::iopub, notices_.front().frame);
    notices_.pop_front();
  }
}

void channels_socket::confirm_soon() {
  if (!named_ || confirming_ || pinged_ != 0) return;
  const auto now = alarm::clock::now();
  if (now >= next_ping_) return ping(now);
  confirming_ = true;
  confirm_.set(next_ping_, [this] {
    confirming_ = false;
    ping(alarm::clock::now());
  });
}

void channels_socket::ping(alarm::clock::time_point now) {
  if (!open()) return;
  next_ping_ = now + confirm_pause;
  pinged_ = *place_.position();
  link_->ping(fmt::to_string(pinged_));
}

void channels_socket::ponged(std::string_view payload) {
  if (pinged_ == 0 || payload != fmt::to_string(pinged_)) return;
  kernel_->confirm(session_id_, pinged_);
  const bool more = *place_.position() > pinged_;
  pinged_ = 0;
  if (more) confirm_soon();
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
  if (e == errc::ok && head_.session.size() > longest_session) e = errc::too_large;
  if (e != errc::ok) {
    close(close_code::bad_message,
          fmt::format("That is not a message of the {} protocol: {}.",
                      protocol_ == ws_protocol::v1 ? "v1.kernel.websocket" : "default WebSocket",
                      to_string(e)));
    co_return;
  }
  // Clients have nothing to say on iopub; others ignore it, too.
  if (incoming.channel == channel::iopub) co_return;
  if (read_only_) {
    close(close_code::not_allowed,
          "These credentials may only read: sending needs a token with the scope \"use\".");
    co_return;
  }
  co_await kernel_->send_from(*this, incoming, head_);
}

}  // namespace kmux::daemon
