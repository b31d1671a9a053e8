#include "daemon/http/peer_stream.hpp"

#include <algorithm>
#include <array>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

#include <boost/asio/buffer.hpp>

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_pieces = 256;        ///< of one sendmsg(2)
constexpr std::size_t most_written = 64 << 10;  ///< bytes that wait of what Beast has written
constexpr std::size_t linger_bytes = 1 << 20;
constexpr auto linger_time = std::chrono::seconds(1);
constexpr std::size_t burst = std::size_t{4} << 20;  ///< bytes before others get their turn

/// The unsent bytes at the head of the queue, as sendmsg(2) wants them.
template <class Queue>
std::size_t gather(const Queue& queue, std::size_t skip, std::array<iovec, most_pieces>& out) {
  std::size_t count = 0;
  const auto add = [&](std::string_view piece) {
    const std::size_t dropped = std::min(skip, piece.size());
    skip -= dropped;
    piece.remove_prefix(dropped);
    if (!piece.empty()) out[count++] = {const_cast<char*>(piece.data()), piece.size()};
    return count < out.size();
  };
  for (const auto& [item, written] : queue) {
    if (!add(item->head)) return count;
    for (const auto piece : item->rest) {
      if (!add(piece)) return count;
    }
  }
  return count;
}

}  // namespace

peer_stream::peer_stream(asio::io_context& io, socket_type socket, std::unique_ptr<tls_session> tls)
    : socket_(std::move(socket)), tls_(std::move(tls)), drained_(io) {
  boost::system::error_code ignored;  // a socket that cannot do this fails at its first use anyway
  socket_.non_blocking(true, ignored);
}

void peer_stream::push(outgoing_ptr item, bool written) {
  if (broken_ || finished_) return;
  pending_ += item->size;
  if (written) written_ += item->size;
  queue_.push_back({std::move(item), written});
}

void peer_stream::when_written(std::function<void()> call) {
  if (written_ <= most_written || broken_) return call();
  on_written_ = std::move(call);
}

void peer_stream::finish(outgoing_ptr last) {
  if (broken_ || finished_) return;
  while (queue_.size() > (offset_ > 0 ? 1U : 0U)) {
    pending_ -= queue_.back().item->size;
    if (queue_.back().written) written_ -= queue_.back().item->size;
    queue_.pop_back();
  }
  push(std::move(last), false);
  finished_ = true;
  flush();
}

void peer_stream::flush() {
  if (tls_) return flush_tls();
  std::size_t total = 0;
  while (!queue_.empty() && !broken_ && !waiting_) {
    if (total >= burst) return flush_soon();
    std::array<iovec, most_pieces> pieces;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = gather(queue_, offset_, pieces);
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return fail();
      return wait_writable();
    }
    total += static_cast<std::size_t>(n);
    sent(static_cast<std::size_t>(n));
  }
}

void peer_stream::sent(std::size_t n) {
  pending_ -= n;
  offset_ += n;
  while (!queue_.empty() && offset_ >= queue_.front().item->size) {
    offset_ -= queue_.front().item->size;
    if (queue_.front().written) written_ -= queue_.front().item->size;
    queue_.pop_front();
  }
  if (on_written_ && written_ <= most_written) std::exchange(on_written_, {})();
  if (queue_.empty() || (wanted_room_ > 0 && waiting_bytes() <= wanted_room_)) {
    wanted_room_ = 0;
    drained_.notify();
  }
}

void peer_stream::wait_writable() {
  waiting_ = true;
  socket_.async_wait(socket_type::wait_write, [self = shared_from_this()](error_code ec) {
    self->waiting_ = false;
    if (ec) return self->fail();
    self->flush();
  });
}

void peer_stream::flush_soon() {
  if (scheduled_ || broken_) return;
  scheduled_ = true;
  asio::post(get_executor(), [self = shared_from_this()] {
    self->scheduled_ = false;
    self->flush();
  });
}

asio::awaitable<void> peer_stream::drained() {
  while (pending_bytes() > 0 && !broken_)
    co_await drained_.wait();
}

asio::awaitable<void> peer_stream::room(std::shared_ptr<peer_stream> self, std::size_t bytes) {
  while (!self->broken_ && self->waiting_bytes() > bytes) {
    self->wanted_room_ = std::max(self->wanted_room_, std::max<std::size_t>(bytes, 1));
    co_await self->drained_.wait();
  }
}

void peer_stream::fail() {
  if (broken_) return;
  broken_ = true;
  queue_.clear();
  sealed_.clear();
  pending_ = offset_ = sealed_sent_ = written_ = 0;
  boost::system::error_code ignored;  // the peer is gone already, or about to be
  socket_.close(ignored);
  drained_.notify();
  if (on_written_) std::exchange(on_written_, {})();
}

void peer_stream::close() {
  fail();
}

void peer_stream::shutdown_send() {
  if (tls_ && !broken_) {
    tls_->end();
    flush_tls();
  }
  boost::system::error_code ignored;  // not connected any more: then there is nothing to say
  socket_.shutdown(socket_type::shutdown_send, ignored);
}

asio::awaitable<void> peer_stream::linger() {
  flush();
  if (pending_bytes() == 0) {
    shutdown_send();
    set_idle(true);
  }
  asio::steady_timer limit(get_executor(), linger_time);
  limit.async_wait([weak = weak_from_this()](error_code ec) {
    const auto self = weak.lock();
    if (!ec && self) self->close();
  });
  std::vector<char> discarded(16 << 10);
  for (std::size_t total = 0; total < linger_bytes;) {
    const auto [ec, n] = co_await socket_.async_read_some(asio::buffer(discarded), as_result);
    if (ec) break;
    total += n;
  }
}

}  // namespace kmux::daemon
