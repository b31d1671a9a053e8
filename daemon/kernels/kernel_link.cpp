#include "daemon/kernels/kernel_link.hpp"

#include <spdlog/spdlog.h>

#include "daemon/clock.hpp"
#include "protocol/ids.hpp"
#include "protocol/message_number.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

/// A kernel that sends the same signature again within this many messages is not believed.
constexpr std::size_t remembered_signatures = 4096;

constexpr std::size_t index(channel c) {
  return static_cast<std::size_t>(c);
}

}  // namespace

kernel_link::kernel_link(asio::io_context& io, receive_buffer& buffer, counters& counted,
                         const connection_info& where, const message_limits& limits, bool adopted,
                         std::optional<uid_t> peer, handlers on)
    : counted_(counted),
      limits_(limits),
      peer_(peer),
      adopted_(adopted),
      on_(std::move(on)),
      session_(make_uuid()),
      routing_id_(std::string(daemon_identity) + session_),
      signer_(where.key.reveal()),
      replays_(remembered_signatures),
      nudge_timer_(io) {
  const auto open = [&](channel c, zmtp_role role, const std::string& endpoint) {
    zmtp_handlers handlers;
    handlers.message = [this, c](zmtp_message&& frames) { receive(c, std::move(frames)); };
    handlers.dropped = [this, c] { drop(c, errc::too_large); };
    handlers.drained = on_.writable;
    ports_[index(c)] =
        std::make_unique<zmtp_port>(io, buffer, settings_for(role, endpoint), std::move(handlers));
  };
  open(channel::iopub, zmtp_role::sub, where.iopub());
  open(channel::shell, zmtp_role::dealer, where.shell());
  open(channel::control, zmtp_role::dealer, where.control());
  open(channel::stdin_, zmtp_role::dealer, where.stdin_());
  zmtp_handlers beat;
  beat.message = [this](zmtp_message&&) { on_.beat(); };
  heartbeat_ = std::make_unique<zmtp_port>(io, buffer, settings_for(zmtp_role::dealer, where.hb()),
                                           std::move(beat));
  nudged(nudge_.start(nudge::clock::now()));
}

kernel_link::~kernel_link() = default;

zmtp_settings kernel_link::settings_for(zmtp_role role, const std::string& endpoint) const {
  zmtp_settings s;
  s.role = role;
  s.endpoint = endpoint;
  s.peer_uid = peer_;
  if (role == zmtp_role::dealer) s.routing_id = routing_id_;
  s.limits.max_bytes = limits_.max_bytes;
  s.limits.max_frames = limits_.max_buffers + limits_.max_identities + 6;
  return s;
}

sender kernel_link::me() const {
  date_ = iso_now();
  return {session_, "kmux", date_};
}

bool kernel_link::send(channel c, const message_view& message) {
  signer::signature storage;
  const auto frames = encode_wire(signer_.sign(message, storage), message);
  return ports_[index(c)]->send(frames);
}

void kernel_link::send_heartbeat() {
  static constexpr std::array<std::string_view, 2> ping = {std::string_view{}, "ping"};
  heartbeat_->send(ping);
}

bool kernel_link::request_shutdown(bool restart) {
  return send(channel::control, make_shutdown_request(me(), restart).view());
}

bool kernel_link::request_interrupt() {
  return send(channel::control, make_interrupt_request(me()).view());
}

void kernel_link::drop(channel c, errc why) {
  ++dropped_;
  ++counted_.messages_dropped;
  // Powers of two: a kernel that sends nothing else must not fill the log.
  if ((dropped_ & (dropped_ - 1)) == 0) {
    spdlog::warn("event=kernel_message_dropped channel={} error=\"{}\" count={}", to_string(c),
                 to_string(why), dropped_);
  }
}

void kernel_link::receive(channel c, zmtp_message&& frames) {
  auto wire = std::make_shared<wire_message<zmtp_message>>(std::move(frames));
  if (const errc e = wire->decode(limits_); e != errc::ok) {
    // JEP 65's welcome has no delimiter in some kernels; either way it says that iopub is heard.
    if (c == channel::iopub && e == errc::no_delimiter)
      return nudged(nudge_.on_iopub(nudge::clock::now()));
    return drop(c, e);
  }
  const auto& view = wire->view();
  if (!signer_.verify(view.message, view.signature)) return drop(c, errc::bad_signature);
  if (!replays_.admit(view.signature)) return drop(c, errc::replayed);
  if (const errc e = peek_header(view.message.header, head_); e != errc::ok) return drop(c, e);
  // No client could do anything with it.
  if (head_.msg_type.empty()) return drop(c, errc::missing_field);
  // All messages of one request have the same parent, to the letter.
  if (parent_text_.empty() || view.message.parent_header != parent_text_) {
    parent_text_ = {};
    const errc e = peek_header(view.message.parent_header, parent_);
    if (e != errc::ok) return drop(c, e);
    parent_text_ = view.message.parent_header;
  }
  const bool was_connected = nudge_.connected();
  const bool ours = parent_.session == session_;
  if (!was_connected && c == channel::iopub) nudged(nudge_.on_iopub(nudge::clock::now()));
  if (ours && c != channel::iopub) on_own_reply(c);
  // Replies to our own requests concern nobody else, nor does the welcome.
  const bool for_clients = c == channel::iopub ? head_.msg_type != "iopub_welcome" : !ours;
  const auto [number, kept] = number_of(view.identities);
  if (for_clients || number != 0) {
    on_.message({c, std::move(wire), head_, parent_, number, kept, for_clients});
  }
  if (!was_connected && nudge_.connected()) on_.connected();
}

void kernel_link::on_own_reply(channel c) {
  if (head_.msg_type != "kernel_info_reply") return;
  if (!nudge_.connected()) nudged(nudge_.on_reply(nudge::clock::now()));
  if (c == channel::shell && !shell_answered_) {
    shell_answered_ = true;
    on_.shell_answered();
  }
}

void kernel_link::nudged(nudge::action action) {
  if (action == nudge::action::send_kernel_info) {
    send(channel::shell, make_kernel_info_request(me()).view());
    if (adopted_) send(channel::control, make_kernel_info_request(me()).view());
  }
  arm_nudge();
}

void kernel_link::arm_nudge() {
  nudge_timer_.set(nudge_.deadline(), [this] { nudged(nudge_.on_timer(nudge::clock::now())); });
}

}  // namespace kmux::daemon
