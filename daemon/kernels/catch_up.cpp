// A client that is behind: fed from the journal until it is live again.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/clock.hpp"
#include "daemon/kernels/channels_socket.hpp"
#include "daemon/kernels/kernel.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t batch_bytes = 256 << 10;
constexpr std::size_t batch_records = 1000;
/// So little is read on the loop: nothing can come meanwhile, and so the end is reached for good.
constexpr std::uint64_t nearly_there = 256;
constexpr auto slow_after = std::chrono::seconds(1);  ///< without room for more
/// What a kernel has put into its journal may be long, or no messages at all: then the loop has no
/// time for it.
constexpr std::size_t patience_of_loop = 1 << 20;

std::vector<journal::stored_record> read_batch(journal::reader& from) {
  std::vector<journal::stored_record> out;
  std::size_t bytes = 0;
  journal::stored_record r;
  while (bytes < batch_bytes && out.size() < batch_records && from.next(r)) {
    for (const auto frame : r.frames)
      bytes += frame.size();
    out.push_back(std::move(r));
    r = {};
  }
  return out;
}

}  // namespace

void channels_socket::start_reading() {
  if (reading_ || !open()) return;
  reading_ = true;
  kernel_->services().tasks.spawn("catch_up", catch_up());
}

void channels_socket::read_to_end() {
  place_.fall_behind();
  if (place_.behind()) start_reading();
}

asio::awaitable<channels_socket::batch> channels_socket::read_some(
    std::shared_ptr<journal::reader> from, bool here) {
  from->set_patience(here ? patience_of_loop : journal::reader::no_end);
  if (here) co_return read_batch(*from);
  auto work = [from] { return read_batch(*from); };
  co_return co_await kernel_->services().journals.run(std::move(work));
}

asio::awaitable<void> channels_socket::catch_up() {
  const auto self = shared_from_this();
  const auto from = kernel_->journal_from(*place_.position());
  const auto from_number = *place_.position();
  bool at_once = false;
  alarm slow(kernel_->services().io);
  while (open()) {
    slow.set(alarm::clock::now() + slow_after, [this] { tell_slow(); });
    co_await link_->room(kernel_->settings().client_queue_bytes / 2);
    slow.cancel();
    if (!open()) break;
    const std::uint64_t known = kernel_->head();
    // The first read looks for the place, which may take a while.
    const bool here = at_once && known != 0 && known < *place_.position() + nearly_there;
    const batch records = co_await read_some(from, here);
    if (!open()) break;
    for (const auto& each : records)
      replay(each);
    at_once = !from->paused();
    if (!records.empty() || from->paused()) continue;
    if (from->refused()) {
      asio::steady_timer pause(kernel_->services().io, journal::reader::refused_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    send_kept_aside(known);
    std::optional<message_gap> gap;
    const bool live = place_.on_journal_end(known, kernel_->head(), gap);
    if (gap) tell_gap(*gap, "{}");
    if (!live) continue;
    spdlog::debug("event=client_caught_up kernel={} session={} after={} number={}", kernel_->id(),
                  session_id_, from_number, *place_.position());
    send_notices(~std::uint64_t{0});
    confirm_soon();
    break;
  }
  reading_ = false;
}

/// Once: one that is slow may be so again and again.
void channels_socket::tell_slow() {
  if (!open() || std::exchange(slow_, true)) return;
  kernel_->say("client_slow",
               {{"session", session_id_}, {"waiting_bytes", link_->waiting_bytes()}});
}

void channels_socket::replay(const journal::stored_record& record) {
  if (!record.is_numbered() || !open()) return;
  send_kept_aside(record.number - 1);
  message_view message;
  const bool whole = record.message(message);
  if (!pass(record.number, whole ? message.parent_header : "{}")) return;
  if (!whole || peek_header(message.header, stored_head_) != errc::ok ||
      peek_header(message.parent_header, stored_parent_) != errc::ok) {
    return;
  }
  const channel from = journal::channel_of(record.what);
  if (from != channel::iopub && !kernel_->belongs_to(*this, stored_parent_.session)) return;
  delivery out(from, message, stored_head_.msg_id, stored_head_.msg_type, record.keep,
               record.number);
  if (const auto& frame = out.frame(protocol_, numbering_)) send(from, frame);
}

/// The client comes to this number, whose message has that parent: what is before it and is not
/// there is told. False: the client has it already.
bool channels_socket::pass(std::uint64_t number, std::string_view parent) {
  const auto before = *place_.position();
  std::optional<message_gap> gap;
  if (!place_.on_stored(number, gap)) return false;
  send_notices(gap ? gap->last : before);
  if (gap) tell_gap(*gap, parent);
  confirm_soon();
  return true;
}

void channels_socket::send_kept_aside(std::uint64_t up_to) {
  while (open()) {
    const auto each = aside_.take(up_to);
    if (!each) return;
    if (pass(each->number, each->message.parent_header) && each->message.frame)
      send(each->message.from, each->message.frame);
  }
}

/// To who counts, the numbers; to everybody else a line that a notebook shows, in the cell of the
/// message after the gap.
void channels_socket::tell_gap(const message_gap& gap, std::string_view parent) {
  auto& counted = kernel_->services().counted;
  ++counted.gaps;
  counted.messages_lost += gap.last - gap.first + 1;
  kernel_->say("messages_lost",
               {{"session", session_id_}, {"first", gap.first}, {"last", gap.last}},
               severity::warning);
  const std::string date = iso_now();
  const sender me{"kmuxd", "kmux", date};
  const auto said = std::make_shared<owned_message>(
      resume_.counts()
          ? make_gap(me, gap.first, gap.last)
          : make_stream(me, "stderr",
                        fmt::format("kmux: {} messages of this kernel are not kept any "
                                    "more.\n",
                                    gap.last - gap.first + 1)));
  said->parent_header = parent;
  const message_view view = said->view();
  if (peek_header(view.header, stored_head_) != errc::ok) return;
  delivery out(channel::iopub, view, stored_head_.msg_id, stored_head_.msg_type, said);
  if (const auto& frame = out.frame(protocol_)) send(channel::iopub, frame);
}

}  // namespace kmux::daemon
