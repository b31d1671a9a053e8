#include "protocol/io/zmtp_socket.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace kmux {

namespace {

constexpr int reads_a_turn = 4;  ///< before other work of the loop gets its turn
constexpr std::chrono::milliseconds first_pause{2};
constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;

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
  std::string flatten() const {
    std::string out;
    out.reserve(bytes_);
    for (const auto& each : pieces_)
      out.append(static_cast<const char*>(each.iov_base), each.iov_len);
    return out;
  }
  /// How much the socket takes at once. An error is seen again, and dealt with, when reading.
  std::size_t send(int fd) {
    constexpr std::size_t most = 1024;  // IOV_MAX
    msghdr message{};
    message.msg_iov = pieces_.data();
    message.msg_iovlen = std::min(pieces_.size(), most);
    const ssize_t n = ::sendmsg(fd, &message, send_flags);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

private:
  std::vector<std::array<char, longest_zmtp_head>> heads_;
  std::vector<iovec> pieces_;
  std::size_t bytes_ = 0;
};

zmtp_endpoint checked(const std::string& text) {
  const auto parsed = parse_zmtp_endpoint(text);
  if (!parsed) throw std::invalid_argument(parsed.error().detail);
  return *parsed;
}

/// Who listens, unix(7). Of TCP nobody knows.
bool is_user(int fd, uid_t wanted) noexcept {
  ucred peer{};
  socklen_t size = sizeof peer;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  if (address.ss_family != AF_UNIX) return true;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == wanted;
}

bool would_block(int number) noexcept {
  return number == EAGAIN || number == EWOULDBLOCK;
}

}  // namespace

result<zmtp_endpoint> parse_zmtp_endpoint(const std::string& text) {
  const error refused{errc::bad_field, "not an address that can be connected to: " + text};
  zmtp_endpoint out;
  if (text.starts_with("ipc:///")) {
    auto& unix_address = reinterpret_cast<sockaddr_un&>(out.address);
    const std::string_view path = std::string_view(text).substr(6);
    if (path.size() >= sizeof unix_address.sun_path) return refused;
    unix_address.sun_family = AF_UNIX;
    std::memcpy(unix_address.sun_path, path.data(), path.size());
    out.size = sizeof unix_address;
    return out;
  }
  const auto colon = text.rfind(':');
  if (!text.starts_with("tcp://") || colon < 6) return refused;
  auto& internet = reinterpret_cast<sockaddr_in&>(out.address);
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data() + colon + 1, end, port);
  if (failed != std::errc{} || stop != end || port == 0) return refused;
  if (::inet_pton(AF_INET, text.substr(6, colon - 6).c_str(), &internet.sin_addr) != 1) {
    return refused;
  }
  internet.sin_family = AF_INET;
  internet.sin_port = htons(port);
  out.size = sizeof internet;
  return out;
}

zmtp_socket::zmtp_socket(receive_buffer& buffer, zmtp_settings settings, zmtp_handlers handlers)
    : buffer_(buffer),
      settings_(std::move(settings)),
      endpoint_(checked(settings_.endpoint)),
      on_(std::move(handlers)),
      reader_(settings_.role, settings_.limits) {
}

void zmtp_socket::connect(clock::time_point now) {
  if (closed_ || fd_ >= 0) return;
  const auto* const address = reinterpret_cast<const sockaddr*>(&endpoint_.address);
  fd_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return lost(now);
  retry_ = clock::time_point::max();
  reader_ = zmtp_reader(settings_.role, settings_.limits);
  if (address->sa_family == AF_INET) {
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  if (::connect(fd_, address, endpoint_.size) == 0) return connected();
  if (errno != EINPROGRESS) return lost(now);
  connecting_ = true;
}

void zmtp_socket::connected() {
  connecting_ = false;
  if (settings_.peer_uid && !is_user(fd_, *settings_.peer_uid)) return lost(clock::now());
  const std::string opening = zmtp_opening(settings_.role, settings_.routing_id);
  // A new connection has room for these two hundred bytes; otherwise it is none.
  const ssize_t n = ::send(fd_, opening.data(), opening.size(), send_flags);
  if (n != static_cast<ssize_t>(opening.size())) lost(clock::now());
}

void zmtp_socket::lost(clock::time_point now) {
  if (fd_ >= 0) {
    if (on_.closing) on_.closing();
    ::close(fd_);
  }
  fd_ = -1;
  connecting_ = ready_ = false;
  // The rest of a message that has begun must not be sent by itself on the next connection.
  if (sent_ > 0) drop_front();
  away_since_ = std::min(away_since_, now);
  const clock::duration pause = (now - away_since_) / 30;
  retry_ = now + std::clamp<clock::duration>(pause, first_pause, settings_.longest_pause);
}

void zmtp_socket::close() {
  if (closed_) return;
  closed_ = true;
  lost(clock::now());
  retry_ = clock::time_point::max();
}

bool zmtp_socket::read() {
  for (int i = 0; i < reads_a_turn; ++i) {
    if (fd_ < 0) return false;
    const auto direct = reader_.space();
    const auto into = direct.empty() ? buffer_.bytes() : direct;
    const ssize_t n = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || would_block(errno))) return errno == EINTR;
    if (n <= 0) {
      lost(clock::now());
      return false;
    }
    const auto count = static_cast<std::size_t>(n);
    if (!direct.empty()) reader_.filled(count);
    if (!handle({into.data(), direct.empty() ? count : 0})) return false;
    if (count < into.size()) return false;
  }
  return true;
}

/// False where the connection has ended.
bool zmtp_socket::handle(std::string_view input) {
  using event = zmtp_reader::event;
  while (true) {
    switch (reader_.read(input)) {
      case event::starved:
        return true;
      case event::broken:
        lost(clock::now());
        return false;
      case event::ready:
        begin_traffic();
        break;
      case event::message:
        on_.message(reader_.take());
        break;
      case event::dropped:
        if (on_.dropped) on_.dropped();
        break;
    }
    if (closed_) return false;
  }
}

void zmtp_socket::begin_traffic() {
  ready_ = true;
  away_since_ = clock::time_point::max();
  if (settings_.role == zmtp_role::sub) store(std::string(zmtp_subscription()));
  flush();
}

bool zmtp_socket::send(std::span<const std::string_view> frames) {
  if (closed_) return false;
  gathered message(frames);
  const std::size_t done = ready_ && outbox_.empty() ? message.send(fd_) : 0;
  if (done == message.bytes()) return true;
  if (done == 0 && outbox_bytes_ + message.bytes() > settings_.outbox_bytes) return false;
  store(message.flatten());
  if (done > 0) sent_ = done;  // then it is the only one in there
  return true;
}

void zmtp_socket::write() {
  if (!connecting_) return flush();
  int failed = 0;
  socklen_t size = sizeof failed;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) return lost(clock::now());
  connected();
}

void zmtp_socket::flush() {
  if (!ready_) return;
  while (!outbox_.empty()) {
    const std::string_view rest = std::string_view(outbox_.front()).substr(sent_);
    const ssize_t n = ::send(fd_, rest.data(), rest.size(), send_flags);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    sent_ += static_cast<std::size_t>(n);
    if (sent_ == outbox_.front().size()) drop_front();
  }
  if (on_.drained) on_.drained();
}

void zmtp_socket::store(std::string bytes) {
  outbox_bytes_ += bytes.size();
  outbox_.push_back(std::move(bytes));
}

void zmtp_socket::drop_front() {
  outbox_bytes_ -= outbox_.front().size();
  outbox_.pop_front();
  sent_ = 0;
}

}  // namespace kmux
