#pragma once
// The sockets that a child binds.

#include <string>

#include <zmq.hpp>

#include "protocol/connection_file.hpp"

namespace kmux::child {

/// One I/O thread. All signals are blocked before it is made, so that they land where we want them.
zmq::context_t make_context();

/// Binds, with CurveZMQ where the connection file has keys; removes an ipc socket file that an
/// earlier process left. Port 0 (tcp) is replaced in `port` by the one chosen. Throws zmq::error_t.
void bind(zmq::socket_t&, const connection_info&, int& port);

/// Shell, control, stdin: clients reuse their identity when they connect again (ROUTER_HANDOVER).
zmq::socket_t make_router(zmq::context_t&, const connection_info&, int& port);
/// iopub: tells of each subscription, and says EAGAIN instead of dropping.
zmq::socket_t make_publisher(zmq::context_t&, const connection_info&, int& port);
zmq::socket_t make_heartbeat(zmq::context_t&, const connection_info&, int& port);

/// A kernel's five. Binding a port that is 0 sets it in `where`.
struct kernel_sockets {
  kernel_sockets(zmq::context_t&, connection_info& where);
  zmq::socket_t shell, stdin_, control, heartbeat, iopub;
};

/// Echoes what is there.
void answer_heartbeats(zmq::socket_t&);

}  // namespace kmux::child
