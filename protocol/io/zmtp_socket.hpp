#pragma once
// A ZeroMQ connection without libzmq: DEALER or SUB, to one peer, over a descriptor that any loop
// can wait for.

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>

#include "protocol/error.hpp"
#include "protocol/zmtp.hpp"

namespace kmux {

/// What the sockets of one loop receive into, one after the other. Outlives them.
class receive_buffer {
public:
  static constexpr std::size_t size = 64 << 10;
  std::span<char> bytes() noexcept { return {bytes_.get(), size}; }

private:
  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(size);
};

struct zmtp_settings {
  zmtp_role role = zmtp_role::dealer;
  std::string endpoint;    ///< "ipc://PATH", "tcp://IPV4:PORT"
  std::string routing_id;  ///< dealer: what the peer knows us by
  /// ipc: whoever else listens there is not spoken to, wherever a link has led.
  std::optional<uid_t> peer_uid;
  zmtp_reader::limits limits;
  std::size_t outbox_bytes = std::size_t{64} << 20;
  /// After a failure to connect we wait a thirtieth of the time that the peer has been away, from
  /// 2 ms up to this: a peer that was slow to come is found soon after it has come.
  std::chrono::milliseconds longest_pause{200};
};

struct zmtp_handlers {
  std::function<void(zmtp_message&&)> message;
  std::function<void()> dropped;  ///< may be empty: a message beyond the limits was thrown away
  std::function<void()> drained;  ///< may be empty: after send() was false, there is room again
  std::function<void()> closing;  ///< may be empty: fd() is about to be closed
};

/// An address that can be connected to: a Unix path of at most 107 bytes, or an IPv4 address.
struct zmtp_endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};
result<zmtp_endpoint> parse_zmtp_endpoint(const std::string& text);

/// Connects, and again whenever the peer is not there or has gone. One thread; handlers are called
/// from inside connect(), read() and write(). They may call send() and close(), and must not
/// destroy the socket.
class zmtp_socket {
public:
  using clock = std::chrono::steady_clock;

  /// Throws std::invalid_argument for an endpoint that parse_zmtp_endpoint() refuses.
  zmtp_socket(receive_buffer&, zmtp_settings, zmtp_handlers);
  ~zmtp_socket() { close(); }
  zmtp_socket(const zmtp_socket&) = delete;
  zmtp_socket& operator=(const zmtp_socket&) = delete;

  // What the owner's loop waits for, and then calls.
  /// -1 while there is no connection: connect() at retry()
  int fd() const noexcept { return fd_; }
  clock::time_point retry() const noexcept { return retry_; }  ///< max() while there is one
  bool wants_to_write() const noexcept {
    return fd_ >= 0 && (connecting_ || (ready_ && !outbox_.empty()));
  }
  void connect(clock::time_point now);
  void disconnect() { lost(clock::now()); }  ///< until retry()
  /// Reads for a moment. True where there is probably more.
  bool read();
  void write();

  /// Sends the frames as one message. What the socket does not take at once is copied into an
  /// outbox, and so is everything until the peer is there. False (and nothing is sent) where that
  /// is full. A message that was partly sent when the peer went is lost.
  bool send(std::span<const std::string_view> frames);
  std::size_t waiting_bytes() const noexcept { return outbox_bytes_ - sent_; }  ///< in the outbox

  void close();

private:
  void connected();
  void lost(clock::time_point now);
  bool handle(std::string_view input);
  void begin_traffic();
  void flush();
  void store(std::string bytes);
  void drop_front();

  receive_buffer& buffer_;
  const zmtp_settings settings_;
  const zmtp_endpoint endpoint_;
  zmtp_handlers on_;
  zmtp_reader reader_;
  int fd_ = -1;
  bool connecting_ = false, ready_ = false, closed_ = false;
  clock::time_point away_since_ = clock::time_point::max();  ///< max(): the peer is there
  clock::time_point retry_ = clock::time_point::min();
  std::deque<std::string> outbox_;  ///< whole messages
  std::size_t outbox_bytes_ = 0;
  std::size_t sent_ = 0;  ///< of outbox_.front()
};

}  // namespace kmux
