// A kernel's messages: to whom they go, and from whom they come.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <spdlog/spdlog.h>

#include "daemon/clock.hpp"
#include "daemon/kernels/kernel.hpp"
#include "daemon/system/log.hpp"
#include "proc/journal/reader.hpp"
#include "proc/journal/segments.hpp"
#include "protocol/json_document.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
using supervise::kernel_fsm;

namespace {

/// Between a message that came before its turn and the end of the wait for those before it.
constexpr auto order_patience = std::chrono::milliseconds(5);
/// The same while the journal cannot be written: what goes by then is lost to everybody.
constexpr auto order_patience_unkept = std::chrono::milliseconds(200);

/// Of a journal, read on the loop when its process has ended: bytes.
constexpr std::size_t most_last_words = std::size_t{64} << 20;

/// More header sessions than this at a time, and the routing table begins anew.
constexpr std::size_t most_routes = 10'000;

}  // namespace

void kernel::attach(channels_socket& socket) {
  const trace_scope traced(socket.client().trace);
  // The same session connecting again means that the older connection is a ghost.
  for (channels_socket* const other : clients_) {
    if (other->session_id() == socket.session_id()) {
      other->close(close_code::replaced, "This session has connected again.");
    }
  }
  clients_.push_back(&socket);
  note_route(socket, socket.session_id());
  socket.begin(place_of(socket));
  say("client_connected", {{"session", socket.session_id()}, {"clients", clients_.size()}});
  if (fsm_.now() == kernel_fsm::state::gone) {
    socket.close(close_code::kernel_gone, "The kernel was shut down and is gone.");
  } else if (fsm_.now() == kernel_fsm::state::dead && !feeding_) {
    announce_death();
  }
}

void kernel::detach(channels_socket& socket) {
  const trace_scope traced(socket.client().trace);
  std::erase(clients_, &socket);
  std::erase_if(routes_, [&](const auto& route) { return route.second == &socket; });
  if (clients_.empty()) cursors_.close();
  changed_.notify();
  say("client_disconnected", {{"session", socket.session_id()}, {"clients", clients_.size()}});
}

void kernel::note_route(channels_socket& socket, const std::string& session) {
  if (session.empty()) return;
  // The name that another client came with is that one's, whatever this one claims.
  const channels_socket* const holder = client_of(session);
  if (holder != nullptr && holder != &socket && holder->session_id() == session &&
      socket.session_id() != session) {
    return;
  }
  if (routes_.size() >= most_routes && !routes_.contains(session)) {
    routes_.clear();
    for (channels_socket* const client : clients_)
      routes_[client->session_id()] = client;
  }
  routes_[session] = &socket;
  // A later daemon is asked for replies by the session's own name alone.
  if (socket.named() && session != socket.session_id() && keeps_journal()) {
    cursors_.set_alias(socket.session_id(), session);
  }
}

bool kernel::belongs_to(const channels_socket& socket, const std::string& session) {
  if (session.empty()) return false;
  if (session == socket.session_id()) return true;
  return client_of(session) == &socket || cursors_.alias(socket.session_id()) == session;
}

place kernel::place_of(const channels_socket& socket) {
  const auto& wish = socket.resume();
  if (wish.what == resume_point::from::number) {
    ++services_.counted.resumed_by_number;
    return place::after(wish.number);
  }
  if (wish.what == resume_point::from::cursor && socket.named()) {
    if (const auto known = cursors_.find(socket.session_id())) {
      ++services_.counted.resumed_by_cursor;
      return place::after(*known);
    }
    if (head_ != 0) confirm(socket.session_id(), head_);
  }
  return place::at_end(head_);
}

void kernel::confirm(const std::string& session, std::uint64_t number) {
  if (cursors_.set(session, number) || std::exchange(cursors_fail_, true)) return;
  spdlog::error("event=cursors_not_written kernel={} error=\"{}\"", id(), std::strerror(errno));
}

void kernel::note_number(std::uint64_t number) {
  if (number <= head_) return;
  head_ = number;
  numbered_.notify();
}

/// What is not kept is lost to whoever is not here: people are to know, while it can be mended.
void kernel::note_recording(const kernel_message& m) {
  const bool works = m.kept;
  if (!works) unkept_at_ = alarm::clock::now();
  if (std::exchange(recording_, works) == works) return;
  if (works) {
    say("journal_goes_on", {}, severity::warning);
  } else {
    say("journal_fails", {}, severity::error);
  }
  const std::string date = iso_now();
  auto said = make_stream(
      {"kmuxd", "kmux", date}, "stderr",
      works ? "kmux: what this kernel says is kept again.\n"
            : "kmux: what this kernel says is not being kept, because its journal cannot be "
              "written. Stay connected, and have an administrator look at the disk.\n");
  said.parent_header = m.wire->view().message.parent_header;  // notebooks show it in that cell
  tell_clients(said);
}

asio::awaitable<void> kernel::wait_for_message(std::uint64_t after, alarm::clock::duration most) {
  const auto self = shared_from_this();
  if (head_ > after || is_gone()) co_return;
  co_await numbered_.wait(most);
}

std::shared_ptr<journal::reader> kernel::journal_from(std::uint64_t after) const {
  journal::reader::settings s;
  s.most_record = services_.settings.kernel_message_limits.max_bytes;
  return std::make_shared<journal::reader>(journal_directory(), after, s);
}

/// The process has ended: what it said last is in the journal, and in part nowhere else.
void kernel::read_last_words() {
  if (!keeps_journal()) return;
  if (const auto directory = journal::open_directory(journal_directory())) {
    note_number(journal::last_number(directory.get(), most_last_words));
  }
  for (channels_socket* const client : clients_)
    client->read_to_end();
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
      if (link_->send(message.channel, message.message)) {
        services_.counted.count(message.channel, direction::to_kernel, message.message);
        co_return;
      }
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
  services_.counted.count(m.channel, direction::from_kernel, m.wire->message());
  if (m.channel == channel::iopub && m.for_clients) {
    activity_.on_iopub(m.head, m.parent, m.wire->message().content,
                       std::chrono::system_clock::now());
    if (interrupting_.running() && activity_.state() == "idle")
      interrupting_.stop(services_.counted.interrupts);
  }
  if (m.number == 0) return hand_on(m);
  note_number(m.number);
  note_recording(m);
  using turn = message_order<early_message>::turn;
  switch (order_.judge(m.number)) {
    case turn::late:
      // The others have read it in the journal by then, or will.
      if (!m.kept) hand_on({m.channel, m.wire, m.head, m.parent, 0, false, m.for_clients});
      return;
    case turn::early:
      order_.keep(m.number, m.wire->bytes(),
                  {m.channel, m.wire, m.head, m.parent, m.number, m.kept, m.for_clients});
      break;
    case turn::now:
      hand_on(m);
      if (!order_.waiting()) return;
  }
  hand_on_kept();
  wait_for_order();
}

void kernel::hand_on_kept() {
  while (const auto next = order_.take()) {
    hand_on({next->channel, next->wire, next->head, next->parent, next->number, next->kept,
             next->for_clients});
  }
}

/// Replies and iopub come over sockets of their own, and so one may overtake the other. As long as
/// others come it is waited for; the timer is set once for many of them.
void kernel::wait_for_order() {
  if (!order_.waiting()) return;
  const auto now = alarm::clock::now();
  const bool kept = now - unkept_at_ > order_patience_unkept;
  order_until_ = now + (kept ? alarm::clock::duration(order_patience) : order_patience_unkept);
  if (!order_timer_.armed()) look_at_order();
}

void kernel::look_at_order() {
  if (!order_.waiting()) return;
  if (alarm::clock::now() >= order_until_) {
    order_.skip();
    hand_on_kept();
    return wait_for_order();
  }
  order_timer_.set(order_until_, [this] { look_at_order(); });
}

void kernel::hand_on(const kernel_message& m) {
  delivery out(m.channel, m.wire->message(), m.head.msg_id, m.head.msg_type, m.wire, m.number,
               m.kept);
  const channels_socket* const asked =
      m.channel == channel::iopub ? nullptr : client_of(m.parent.session);
  for (channels_socket* const client : clients_) {
    const bool wanted = m.for_clients && (m.channel == channel::iopub || client == asked);
    if (wanted || m.number != 0) client->deliver(out, wanted);
  }
}

void kernel::tell_clients(const owned_message& message) {
  const auto keep = std::make_shared<owned_message>(message);
  const message_view view = keep->view();
  header head;
  if (peek_header(view.header, head) != errc::ok) return;
  delivery out(channel::iopub, view, head.msg_id, head.msg_type, keep);
  for (channels_socket* const client : clients_)
    client->tell(out, head_);
}

}  // namespace kmux::daemon
