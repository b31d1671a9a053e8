#include "protocol/io/zmtp_port.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace kmux {

namespace asio = boost::asio;
using boost::system::error_code;
using descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

struct zmtp_port::state : std::enable_shared_from_this<zmtp_port::state> {
  state(asio::io_context& io, receive_buffer& buffer, zmtp_settings settings, zmtp_handlers on)
      : fd(io), pause(io), socket(buffer, std::move(settings), with_release(std::move(on))) {}

  /// The descriptor is the socket's to close: Asio must have let go of it by then.
  zmtp_handlers with_release(zmtp_handlers on) {
    on.closing = [this] {
      if (fd.is_open()) fd.release();
    };
    return on;
  }

  void close() {
    socket.close();
    pause.cancel();
  }

  /// Waits for what the socket wants. Asio arms the descriptor anew for each wait, and so misses
  /// nothing that is there by then.
  void arm() {
    if (socket.fd() >= 0 && !fd.is_open()) {
      error_code failed;
      fd.assign(socket.fd(), failed);
      if (failed) socket.disconnect();  // the system watches no more descriptors: try again later
    }
    if (socket.fd() < 0) return wait_to_connect();
    if (!reading && !scheduled) wait_readable();
    if (!writing && socket.wants_to_write()) wait_writable();
  }

  void wait_to_connect() {
    if (pausing || socket.retry() == zmtp_socket::clock::time_point::max()) return;
    pausing = true;
    pause.expires_at(socket.retry());
    pause.async_wait([self = shared_from_this()](error_code) {
      self->pausing = false;
      self->socket.connect(zmtp_socket::clock::now());
      self->arm();
    });
  }

  void wait_readable() {
    reading = true;
    fd.async_wait(descriptor::wait_read, [self = shared_from_this()](error_code ec) {
      self->reading = false;
      self->pump(ec);
    });
  }

  void wait_writable() {
    writing = true;
    fd.async_wait(descriptor::wait_write, [self = shared_from_this()](error_code ec) {
      self->writing = false;
      if (!ec) self->socket.write();
      self->arm();
    });
  }

  void pump(error_code ec) {
    if (!ec && socket.read()) {
      scheduled = true;
      asio::post(fd.get_executor(), [self = shared_from_this()] {
        self->scheduled = false;
        self->pump({});
      });
    }
    arm();
  }

  descriptor fd;
  asio::steady_timer pause;
  bool reading = false, writing = false, scheduled = false, pausing = false;
  zmtp_socket socket;
};

zmtp_port::zmtp_port(asio::io_context& io, receive_buffer& buffer, zmtp_settings settings,
                     zmtp_handlers on)
    : state_(std::make_shared<state>(io, buffer, std::move(settings), std::move(on))) {
  state_->socket.connect(zmtp_socket::clock::now());
  state_->arm();
}

zmtp_port::~zmtp_port() {
  close();
}

bool zmtp_port::send(std::span<const std::string_view> frames) {
  const bool sent = state_->socket.send(frames);
  if (state_->socket.wants_to_write()) state_->arm();
  return sent;
}

void zmtp_port::close() {
  state_->close();
}

}  // namespace kmux
