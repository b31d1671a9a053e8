#pragma once
// A zmtp_socket on an Asio loop.

#include <memory>
#include <span>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "protocol/io/zmtp_socket.hpp"

namespace kmux {

/// Owned by one object on the loop thread, which it outlives nowhere: no handler runs after the
/// destructor, or after close(). A handler may destroy the port.
class zmtp_port {
public:
  /// Throws std::invalid_argument for an endpoint that parse_zmtp_endpoint() refuses.
  zmtp_port(boost::asio::io_context&, receive_buffer&, zmtp_settings, zmtp_handlers);
  ~zmtp_port();
  zmtp_port(const zmtp_port&) = delete;
  zmtp_port& operator=(const zmtp_port&) = delete;

  /// As zmtp_socket::send.
  bool send(std::span<const std::string_view> frames);
  void close();

private:
  struct state;
  std::shared_ptr<state> state_;  ///< also held by pending operations, which outlive this object
};

}  // namespace kmux
