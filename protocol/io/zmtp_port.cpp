#include "protocol/io/zmtp_port.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace kmux {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

using socket_type =
    asio::basic_stream_socket<asio::local::stream_protocol, asio::io_context::executor_type>;

constexpr int reads_a_turn = 4;  ///< before other work of the loop gets its turn
constexpr std::chrono::milliseconds first_pause{2}, longest_pause{200};

asio::local::stream_protocol::endpoint endpoint_from(const std::string& text) {
  constexpr std::string_view scheme = "ipc://";
  constexpr std::size_t longest_path = 107;  // unix(7)
  if (!text.starts_with(scheme) || text.size() == scheme.size() ||
      text.size() - scheme.size() > longest_path) {
    throw std::invalid_argument("not an ipc endpoint that can be connected to: " + text);
  }
  return {text.substr(scheme.size())};
}

/// A message as the wire has it: heads, and views of the frames, without a copy.
class gathered {
public:
  explicit gathered(std::span<const std::string_view> frames)
      : heads_(frames.size()), pieces_(2 * frames.size()) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto n = write_zmtp_head(heads_[i], frames[i].size(), i + 1 < frames.size());
      pieces_[2 * i] = {heads_[i].data(), n};
      pieces_[2 * i + 1] = {const_cast<char*>(frames[i].data()), frames[i].size()};
      bytes_ += n + frames[i].size();
    }
  }
  std::size_t bytes() const noexcept { return bytes_; }
  std::span<iovec> pieces() noexcept { return pieces_; }
  std::string flatten() const {
    std::string out;
    out.reserve(bytes_);
    for (const auto& each : pieces_)
      out.append(static_cast<const char*>(each.iov_base), each.iov_len);
    return out;
  }

private:
  std::vector<std::array<char, longest_zmtp_head>> heads_;
  std::vector<iovec> pieces_;
  std::size_t bytes_ = 0;
};

}  // namespace

struct zmtp_port::state : std::enable_shared_from_this<zmtp_port::state> {
  state(asio::io_context& io, receive_buffer& into, const zmtp_port_settings& s, handlers h)
      : settings(s),
        endpoint(endpoint_from(s.endpoint)),
        buffer(into),
        on(std::move(h)),
        socket(io),
        pause(io) {}

  void connect() {
    if (closed) return;
    reader = zmtp_reader(settings.role, settings.limits);
    socket.async_connect(endpoint, [self = shared_from_this()](error_code ec) {
      if (self->closed) return;
      if (ec) return self->lost();
      self->connected();
    });
  }

  void connected() {
    const std::string opening = zmtp_opening(settings.role, settings.routing_id);
    // A new connection has room for these two hundred bytes.
    const ssize_t n = ::send(socket.native_handle(), opening.data(), opening.size(),
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n != static_cast<ssize_t>(opening.size())) return lost();
    wait_readable();
  }

  /// The peer is not there, or not any more. A message that was partly sent went with it.
  void lost() {
    error_code ignored;  // of a socket that is of no use in any case
    socket.close(ignored);
    ready = false;
    if (sent > 0) drop_front();
    pause.expires_after(next_pause);
    next_pause = std::min(2 * next_pause, longest_pause);
    pause.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec) self->connect();
    });
  }

  void close() {
    if (closed) return;
    closed = true;
    error_code ignored;
    socket.close(ignored);
    pause.cancel();
  }

  void wait_readable() {
    socket.async_wait(socket_type::wait_read, [self = shared_from_this()](error_code ec) {
      if (!ec && !self->closed) self->pump();
    });
  }

  void pump() {
    for (int i = 0; i < reads_a_turn; ++i) {
      const auto direct = reader.space();
      const auto into = direct.empty() ? buffer.bytes() : direct;
      const ssize_t n = ::recv(socket.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return wait_readable();
      if (n <= 0) return lost();
      const auto count = static_cast<std::size_t>(n);
      if (!direct.empty()) reader.filled(count);
      if (!handle({into.data(), direct.empty() ? count : 0})) return;
      // Asio arms the descriptor anew for each wait, and so misses nothing that is there by then.
      if (count < into.size()) return wait_readable();
    }
    asio::post(socket.get_executor(), [self = shared_from_this()] {
      if (!self->closed && self->socket.is_open()) self->pump();
    });
  }

  /// False where the connection has been given up, by a handler or by us.
  bool handle(std::string_view input) {
    using event = zmtp_reader::event;
    while (true) {
      switch (reader.read(input)) {
        case event::starved:
          return true;
        case event::broken:
          lost();
          return false;
        case event::ready:
          begin_traffic();
          break;
        case event::message:
          on.message(reader.take());
          break;
        case event::dropped:
          if (on.dropped) on.dropped();
          break;
      }
      if (closed) return false;
    }
  }

  void begin_traffic() {
    ready = true;
    next_pause = first_pause;
    if (settings.role == zmtp_role::sub) store(std::string(zmtp_subscription()));
    flush();
  }

  bool send(std::span<const std::string_view> frames) {
    if (closed) return false;
    gathered message(frames);
    std::size_t done = 0;
    if (ready && outbox.empty()) done = send_now(message.pieces());
    if (done == message.bytes()) return true;
    if (done == 0 && outbox_bytes + message.bytes() > settings.outbox_bytes) return false;
    store(message.flatten());
    if (done > 0) sent = done;  // then it is the only one
    if (ready) wait_writable();
    return true;
  }

  /// How much the socket takes at once. An error shows again, and is dealt with, when reading.
  std::size_t send_now(std::span<iovec> pieces) {
    constexpr std::size_t most = 1024;  // IOV_MAX
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = std::min(pieces.size(), most);
    const ssize_t n = ::sendmsg(socket.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

  void store(std::string bytes) {
    outbox_bytes += bytes.size();
    outbox.push_back(std::move(bytes));
  }

  void drop_front() {
    outbox_bytes -= outbox.front().size();
    outbox.pop_front();
    sent = 0;
  }

  void flush() {
    while (!outbox.empty()) {
      const std::string_view rest = std::string_view(outbox.front()).substr(sent);
      const ssize_t n =
          ::send(socket.native_handle(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? wait_writable() : void();
      sent += static_cast<std::size_t>(n);
      if (sent == outbox.front().size()) drop_front();
    }
    if (on.drained) on.drained();
  }

  void wait_writable() {
    if (writing) return;
    writing = true;
    socket.async_wait(socket_type::wait_write, [self = shared_from_this()](error_code ec) {
      self->writing = false;
      if (!ec && !self->closed && self->ready) self->flush();
    });
  }

  const zmtp_port_settings settings;
  const asio::local::stream_protocol::endpoint endpoint;
  receive_buffer& buffer;
  handlers on;
  socket_type socket;
  asio::steady_timer pause;
  std::chrono::milliseconds next_pause = first_pause;
  zmtp_reader reader{zmtp_role::dealer, {}};
  std::deque<std::string> outbox;  ///< whole messages
  std::size_t outbox_bytes = 0;
  std::size_t sent = 0;  ///< of outbox.front()
  bool ready = false, writing = false, closed = false;
};

zmtp_port::zmtp_port(asio::io_context& io, receive_buffer& buffer,
                     const zmtp_port_settings& settings, handlers on)
    : state_(std::make_shared<state>(io, buffer, settings, std::move(on))) {
  state_->connect();
}

zmtp_port::~zmtp_port() {
  close();
}

bool zmtp_port::send(std::span<const std::string_view> frames) {
  return state_->send(frames);
}

void zmtp_port::close() {
  state_->close();
}

}  // namespace kmux
