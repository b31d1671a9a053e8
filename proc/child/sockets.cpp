#include "proc/child/sockets.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "proc/child/multipart.hpp"
#include "proc/file_mode.hpp"

namespace kmux::child {

namespace {

constexpr int linger_ms = 500;  ///< for last words at the end; nobody there, nothing to wait for
constexpr std::int64_t largest_frame = std::int64_t{512} << 20;

}  // namespace

zmq::context_t make_context() {
  zmq::context_t context(1);
  context.set(zmq::ctxopt::max_sockets, 32);
  return context;
}

void bind(zmq::socket_t& socket, const connection_info& where, int& port) {
  socket.set(zmq::sockopt::linger, linger_ms);
  socket.set(zmq::sockopt::maxmsgsize, largest_frame);
  // One pair of keys for both sides: who can read the connection file may connect, and nobody else.
  if (!where.curve_secretkey.empty()) {
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_publickey, where.curve_publickey);
    socket.set(zmq::sockopt::curve_secretkey, where.curve_secretkey.reveal());
  }
  if (where.transport == "ipc") {
    const std::string endpoint = where.endpoint(port);
    const std::string path = endpoint.substr(std::string_view("ipc://").size());
    ::unlink(path.c_str());
    const mode_t previous = ::umask(0077 & ~mode_beside(path));
    socket.bind(endpoint);
    ::umask(previous);
    return;
  }
  if (port != 0) {
    socket.bind(where.endpoint(port));
    return;
  }
  socket.bind("tcp://" + where.ip + ":*");
  const std::string bound = socket.get(zmq::sockopt::last_endpoint);
  port = std::stoi(bound.substr(bound.rfind(':') + 1));
}

zmq::socket_t make_router(zmq::context_t& context, const connection_info& where, int& port) {
  zmq::socket_t socket(context, zmq::socket_type::router);
  socket.set(zmq::sockopt::router_handover, true);
  // A ROUTER drops what does not fit; there are no more replies than requests.
  socket.set(zmq::sockopt::sndhwm, 0);
  bind(socket, where, port);
  return socket;
}

zmq::socket_t make_publisher(zmq::context_t& context, const connection_info& where, int& port) {
  zmq::socket_t socket(context, zmq::socket_type::xpub);
  socket.set(zmq::sockopt::xpub_verbose, true);
  socket.set(zmq::sockopt::xpub_nodrop, true);
  bind(socket, where, port);
  return socket;
}

zmq::socket_t make_heartbeat(zmq::context_t& context, const connection_info& where, int& port) {
  zmq::socket_t socket(context, zmq::socket_type::router);
  bind(socket, where, port);
  return socket;
}

kernel_sockets::kernel_sockets(zmq::context_t& context, connection_info& where)
    : shell(make_router(context, where, where.shell_port)),
      stdin_(make_router(context, where, where.stdin_port)),
      control(make_router(context, where, where.control_port)),
      heartbeat(make_heartbeat(context, where, where.hb_port)),
      iopub(make_publisher(context, where, where.iopub_port)) {
}

void answer_heartbeats(zmq::socket_t& socket) {
  frame_list frames;
  while (receive_message(socket, frames, 16)) {
    if (frames.size() > 0) send_message(socket, frames);
  }
}

}  // namespace kmux::child
