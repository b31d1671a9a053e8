// peer_stream's way through TLS.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "daemon/http/message.hpp"
#include "daemon/http/peer_stream.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t portion = 64 << 10;            ///< bytes that are encrypted at a time
constexpr std::size_t burst = std::size_t{4} << 20;  ///< bytes before others get their turn
constexpr std::size_t read_size = 16 << 10;          ///< a TLS record

}  // namespace

void peer_stream::read_tls(asio::mutable_buffer into, read_handler done) {
  if (into.size() == 0) return done({}, 0);  // as with sockets; read_until asks so
  std::size_t got = 0;
  const auto outcome = tls_->read(static_cast<char*>(into.data()), into.size(), got);
  flush_tls();  // the handshake's answers
  switch (outcome) {
    case tls_session::outcome::some:
      return done({}, got);
    case tls_session::outcome::closed:
      return done(asio::error::eof, 0);
    case tls_session::outcome::failed:
      if (tls_->was_http()) refuse_http();
      return done(asio::error::connection_reset, 0);
    case tls_session::outcome::more_wanted:
      break;
  }
  const auto bytes = std::make_shared_for_overwrite<std::array<char, read_size>>();
  socket_.async_read_some(asio::buffer(*bytes),
                          [self = shared_from_this(), bytes, into, done = std::move(done)](
                              error_code ec, std::size_t n) mutable {
                            if (ec) return done(ec, 0);
                            self->tls_->received({bytes->data(), n});
                            self->read_tls(into, std::move(done));
                          });
}

void peer_stream::flush_tls() {
  std::size_t total = 0;
  while (!broken_ && !waiting_) {
    if (total >= burst) return flush_soon();
    if (sealed_.empty() && !seal_some()) break;
    const ssize_t n = ::send(socket_.native_handle(), sealed_.data() + sealed_sent_,
                             sealed_.size() - sealed_sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return fail();
      return wait_writable();
    }
    total += static_cast<std::size_t>(n);
    sealed_sent_ += static_cast<std::size_t>(n);
    if (sealed_sent_ < sealed_.size()) continue;
    sealed_ = {};
    sealed_sent_ = 0;
    if (queue_.empty()) drained_.notify();
  }
}

/// Pieces together: a record for each would cost both sides more than the copy does.
bool peer_stream::seal_some() {
  std::string plain;
  std::size_t skip = offset_;
  const auto add = [&](std::string_view piece) {
    const auto dropped = std::min(skip, piece.size());
    skip -= dropped;
    plain += piece.substr(dropped, portion - plain.size());
    return plain.size() < portion;
  };
  bool room = tls_->established();
  for (auto item = queue_.begin(); room && item != queue_.end(); ++item) {
    room = add(item->item->head);
    for (auto piece = item->item->rest.begin(); room && piece != item->item->rest.end(); ++piece)
      room = add(*piece);
  }
  if (!plain.empty()) {
    tls_->write(plain);
    sent(plain.size());
  }
  sealed_ = tls_->output();
  return !sealed_.empty();
}

/// Told in the only language that such a client understands.
void peer_stream::refuse_http() {
  sealed_ = serialize(error_response(400, "This address speaks HTTPS: write https:// instead."),
                      false, false);
  sealed_sent_ = 0;
  flush_tls();
}

}  // namespace kmux::daemon
