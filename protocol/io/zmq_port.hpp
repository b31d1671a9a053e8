#pragma once
// One ZeroMQ socket on an Asio loop: the only place in the daemon that touches one.
//
// ZMQ_FD is edge-triggered, and zmq_send, zmq_recv and reading ZMQ_EVENTS each swallow its edge
// (zmq_getsockopt(3), libzmq issue 3641). Hence: one pump a socket, it drains until EAGAIN, and
// after every send ZMQ_EVENTS is looked at again.

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <zmq.hpp>

#include "protocol/io/wire_message.hpp"

namespace kmux {

struct zmq_port_settings {
  zmq::socket_type type = zmq::socket_type::dealer;
  std::string endpoint;
  std::string routing_id;                ///< empty: libzmq makes one
  int receive_high_water_mark = 10'000;  ///< messages; beyond it the peer feels back-pressure
  std::int64_t max_frame_bytes = -1;     ///< ZMQ_MAXMSGSIZE: a longer frame drops the peer
  std::size_t outbox_bytes = std::size_t{64} << 20;
  std::size_t max_frames = 4200;  ///< a message of more is thrown away
};

/// Owned by one object on the loop thread, which it outlives nowhere: no handler runs after the
/// destructor, or after close().
class zmq_port {
public:
  using message_handler = std::function<void(frame_list&&)>;

  struct handlers {
    message_handler message;
    std::function<void()> drained;  ///< may be empty: after send() was false, there is room again
  };

  zmq_port(boost::asio::io_context&, zmq::context_t&, const zmq_port_settings&, handlers);
  ~zmq_port();
  zmq_port(const zmq_port&) = delete;
  zmq_port& operator=(const zmq_port&) = delete;

  /// Sends the frames as one message, copying them. What the socket cannot take now waits in an
  /// outbox; false (and nothing is sent) where that is full.
  bool send(std::span<const std::string_view> frames);

  void close();

private:
  struct state;
  std::shared_ptr<state> state_;  ///< also held by the pending wait, which outlives this object
};

}  // namespace kmux
