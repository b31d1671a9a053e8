// A kernel's messages: to whom they go, and from whom they come.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "daemon/clock.hpp"
#include "daemon/kernels/kernel.hpp"
#include "protocol/json_document.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
using supervise::kernel_fsm;

namespace {

/// More header sessions than this at a time, and the routing table begins anew.
constexpr std::size_t most_routes = 10'000;

}  // namespace

void kernel::attach(channels_socket& socket) {
  // The same session connecting again means that the older connection is a ghost.
  for (channels_socket* const other : clients_) {
    if (other->session_id() == socket.session_id()) {
      other->close(close_code::replaced, "This session has connected again.");
    }
  }
  clients_.push_back(&socket);
  note_route(socket, socket.session_id());
  spdlog::info("event=client_connected kernel={} session={} clients={}", id(), socket.session_id(),
               clients_.size());
  if (fsm_.now() == kernel_fsm::state::gone) {
    socket.close(close_code::kernel_gone, "The kernel was shut down and is gone.");
  } else if (fsm_.now() == kernel_fsm::state::dead && !feeding_) {
    announce_death();
  }
}

void kernel::detach(channels_socket& socket) {
  std::erase(clients_, &socket);
  std::erase_if(routes_, [&](const auto& route) { return route.second == &socket; });
  changed_.notify();
  spdlog::info("event=client_disconnected kernel={} session={} clients={}", id(),
               socket.session_id(), clients_.size());
}

void kernel::note_route(channels_socket& socket, const std::string& session) {
  if (session.empty()) return;
  if (routes_.size() >= most_routes && !routes_.contains(session)) {
    routes_.clear();
    for (channels_socket* const client : clients_)
      routes_[client->session_id()] = client;
  }
  routes_[session] = &socket;
}

channels_socket* kernel::client_of(const std::string& session) const {
  const auto found = routes_.find(session);
  return found == routes_.end() ? nullptr : found->second;
}

asio::awaitable<void> kernel::send_from(channels_socket& socket, channel_message& message,
                                        const header& head) {
  const auto self = shared_from_this();
  const auto still_here = [&] {
    return std::find(clients_.begin(), clients_.end(), &socket) != clients_.end();
  };
  note_route(socket, head.session);
  while (still_here()) {
    if (fsm_.now() == kernel_fsm::state::gone) co_return;
    if (fsm_.now() == kernel_fsm::state::dead) {
      // It can be restarted, but what was said to the dead is not kept.
      announce_death();
      co_return;
    }
    if (link_ && link_->connected()) {
      note_shutdown(message, head);
      if (link_->send(message.channel, message.message)) co_return;
    }
    co_await changed_.wait();
  }
}

void kernel::note_shutdown(const channel_message& message, const header& head) {
  if (head.msg_type != "shutdown_request") return;
  const auto content = json::parse_object(message.message.content, "content");
  const auto* const restart = content ? json::find(*content, "restart") : nullptr;
  feed(supervise::kernel_event::shutdown_asked{restart != nullptr && restart->IsTrue()});
}

void kernel::on_message(const kernel_message& m) {
  const auto& message = m.wire->message();
  delivery out(m.channel, message, m.head.msg_id, m.head.msg_type, m.wire);
  if (m.channel == channel::iopub) {
    activity_.on_iopub(m.head, m.parent, message.content, std::chrono::system_clock::now());
    for (channels_socket* const client : clients_)
      client->deliver(out);
    return;
  }
  if (channels_socket* const client = client_of(m.parent.session)) client->deliver(out);
}

void kernel::tell_clients(const owned_message& message) {
  const auto keep = std::make_shared<owned_message>(message);
  const message_view view = keep->view();
  header head;
  if (peek_header(view.header, head) != errc::ok) return;
  delivery out(channel::iopub, view, head.msg_id, head.msg_type, keep);
  for (channels_socket* const client : clients_)
    client->deliver(out);
}

}  // namespace kmux::daemon
