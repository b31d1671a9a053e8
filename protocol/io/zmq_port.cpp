#include "protocol/io/zmq_port.hpp"

#include <vector>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "protocol/io/multipart.hpp"

namespace kmux {

namespace asio = boost::asio;

namespace {

constexpr int batch = 32;  ///< messages before other work of the loop gets its turn

using descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

zmq::socket_t make_socket(zmq::context_t& context, const zmq_port_settings& s) {
  zmq::socket_t socket(context, s.type);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::rcvhwm, s.receive_high_water_mark);
  socket.set(zmq::sockopt::sndhwm, 1000);
  socket.set(zmq::sockopt::maxmsgsize, s.max_frame_bytes);
  // A kernel binds a few milliseconds after we start to connect; libzmq's default looks every 100.
  socket.set(zmq::sockopt::reconnect_ivl, 2);
  socket.set(zmq::sockopt::reconnect_ivl_max, 200);
  if (!s.routing_id.empty()) socket.set(zmq::sockopt::routing_id, s.routing_id);
  if (s.type == zmq::socket_type::sub) socket.set(zmq::sockopt::subscribe, "");
  socket.connect(s.endpoint);
  return socket;
}

}  // namespace

struct zmq_port::state : std::enable_shared_from_this<zmq_port::state> {
  state(asio::io_context& io, zmq::context_t& context, const zmq_port_settings& s)
      : settings(s), socket(make_socket(context, s)), fd(io, socket.get(zmq::sockopt::fd)) {}
  ~state() { close(); }

  // The file descriptor belongs to libzmq: release it before the socket goes, never close it.
  void close() {
    if (closed) return;
    closed = true;
    fd.release();
    socket.close();
  }

  void schedule() {
    if (scheduled || closed) return;
    scheduled = true;
    asio::post(fd.get_executor(), [self = shared_from_this()] {
      self->scheduled = false;
      self->pump();
    });
  }

  void wait() {
    if (waiting || closed) return;
    waiting = true;
    fd.async_wait(descriptor::wait_read, [self = shared_from_this()](boost::system::error_code) {
      self->waiting = false;
      if (!self->closed) self->pump();
    });
  }

  void pump() {
    flush();
    int count = 0;
    while (count < batch && !closed) {
      frame_list frames;
      if (!receive_message(socket, frames, settings.max_frames)) break;
      ++count;
      if (frames.size() > 0) on.message(std::move(frames));
    }
    if (closed) return;
    if (count == batch || (!outbox.empty() && is_ready())) {
      schedule();
    } else {
      // A receive that finds nothing has processed every command: the descriptor's edge is armed
      // again, and there is no need to look at ZMQ_EVENTS, which costs a poll(2).
      wait();
    }
  }

  /// Reading ZMQ_EVENTS swallows the edge for both directions, so it looks at both.
  bool is_ready() { return (socket.get(zmq::sockopt::events) & (ZMQ_POLLIN | ZMQ_POLLOUT)) != 0; }

  bool send(std::span<const std::string_view> frames) {
    if (closed) return false;
    if (outbox.empty() && send_copies(socket, frames)) {
      if ((socket.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0) schedule();
      return true;
    }
    std::size_t bytes = 0;
    for (const auto frame : frames)
      bytes += frame.size();
    if (outbox_bytes + bytes > settings.outbox_bytes) return false;
    outbox_bytes += bytes;
    outbox.emplace_back(frames.begin(), frames.end());
    // pump() looks at ZMQ_EVENTS, which arms the descriptor for the moment when there is room
    // again.
    schedule();
    return true;
  }

  void flush() {
    if (outbox.empty()) return;
    while (!outbox.empty() && !closed) {
      const std::vector<std::string_view> views(outbox.front().begin(), outbox.front().end());
      if (!send_copies(socket, views)) return;
      for (const auto& frame : outbox.front())
        outbox_bytes -= frame.size();
      outbox.pop_front();
    }
    if (!closed && on.drained) on.drained();
  }

  zmq_port_settings settings;
  zmq::socket_t socket;
  descriptor fd;
  handlers on;
  std::deque<std::vector<std::string>> outbox;
  std::size_t outbox_bytes = 0;
  bool waiting = false, scheduled = false, closed = false;
};

zmq_port::zmq_port(asio::io_context& io, zmq::context_t& context, const zmq_port_settings& settings,
                   handlers on)
    : state_(std::make_shared<state>(io, context, settings)) {
  state_->on = std::move(on);
  state_->schedule();
}

zmq_port::~zmq_port() {
  close();
}

bool zmq_port::send(std::span<const std::string_view> frames) {
  return state_->send(frames);
}

void zmq_port::close() {
  state_->close();
}

}  // namespace kmux
