#pragma once
// One ZeroMQ connection on an Asio loop, without libzmq: DEALER or SUB, to one peer.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "protocol/zmtp.hpp"

namespace kmux {

/// What the ports of one loop receive into, one after the other. Outlives them.
class receive_buffer {
public:
  static constexpr std::size_t size = 64 << 10;
  std::span<char> bytes() noexcept { return {bytes_.get(), size}; }

private:
  std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(size);
};

struct zmtp_port_settings {
  zmtp_role role = zmtp_role::dealer;
  std::string endpoint;    ///< "ipc://PATH"
  std::string routing_id;  ///< dealer: what the peer knows us by
  zmtp_reader::limits limits;
  std::size_t outbox_bytes = std::size_t{64} << 20;
};

/// Connects, and again whenever the peer is not there or has gone: after 2 ms at first, then more
/// seldom, up to 200 ms. Owned by one object on the loop thread, which it outlives nowhere: no
/// handler runs after the destructor, or after close().
class zmtp_port {
public:
  struct handlers {
    std::function<void(zmtp_message&&)> message;
    std::function<void()> dropped;  ///< may be empty: a message beyond the limits was thrown away
    std::function<void()> drained;  ///< may be empty: after send() was false, there is room again
  };

  /// Throws std::invalid_argument where the endpoint is none that can be connected to.
  zmtp_port(boost::asio::io_context&, receive_buffer&, const zmtp_port_settings&, handlers);
  ~zmtp_port();
  zmtp_port(const zmtp_port&) = delete;
  zmtp_port& operator=(const zmtp_port&) = delete;

  /// Sends the frames as one message, copying what the socket does not take at once into an outbox;
  /// so it is with all of it until the peer is there. False (and nothing is sent) where the outbox
  /// is full. A message that was on its way when the peer went is lost.
  bool send(std::span<const std::string_view> frames);

  void close();

private:
  struct state;
  std::shared_ptr<state> state_;  ///< also held by pending operations, which outlive this object
};

}  // namespace kmux
