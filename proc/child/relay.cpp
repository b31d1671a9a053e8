#include "proc/child/relay.hpp"

#include <array>
#include <csignal>

#include <fmt/format.h>

#include "proc/child/control_loop.hpp"
#include "proc/child/sockets.hpp"
#include "protocol/ids.hpp"
#include "proc/child/multipart.hpp"
#include "protocol/json.hpp"

namespace kmux::child {

namespace {

/// A kernel that has ended has nothing more to say when it has been quiet for so long.
constexpr auto quiet = std::chrono::milliseconds(20);
constexpr auto longest_farewell = std::chrono::milliseconds(500);
constexpr std::size_t most_not_welcomed = 100;
constexpr int batch = 256;  ///< messages before the loop looks at everything else

}  // namespace

void relay::bridge::to_kernel() {
  frame_list frames;
  for (int i = 0; i < batch && kernel_has_room() && receive_message(outer, frames); ++i) {
    if (frames.size() > 0) send_message(inner, frames);
  }
}

void relay::bridge::to_client() {
  frame_list frames;
  for (int i = 0; i < batch && receive_message(inner, frames); ++i) {
    if (frames.size() > 0) send_message(outer, frames);
  }
}

bool relay::bridge::kernel_has_room() {
  return (inner.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0;
}

zmq::socket_t relay::connect(zmq::context_t& context, zmq::socket_type type,
                             const std::string& endpoint, const std::string& routing_id) {
  zmq::socket_t socket(context, type);
  socket.set(zmq::sockopt::linger, 0);
  // The kernel binds when it is ready: look often, that is what a start waits for.
  socket.set(zmq::sockopt::reconnect_ivl, 5);
  socket.set(zmq::sockopt::reconnect_ivl_max, 50);
  if (type == zmq::socket_type::sub) {
    socket.set(zmq::sockopt::rcvhwm, 0);  // bounded by bytes, in the publisher
    socket.set(zmq::sockopt::subscribe, "");
  } else {
    socket.set(zmq::sockopt::routing_id, routing_id);
  }
  socket.connect(endpoint);
  return socket;
}

relay::relay(connection_info& outer, const connection_info& inner, const launch_spec& spec,
             kernel_process kernel)
    : context_(make_context()),
      interrupt_by_message_(spec.interrupt_by_message),
      kernel_(std::move(kernel)),
      log_(spec.stdio_log, spec.stdio_limit),
      heartbeat_(make_heartbeat(context_, outer, outer.hb_port)),
      iopub_(connect(context_, zmq::socket_type::sub, inner.iopub(), {})),
      publisher_(make_publisher(context_, outer, outer.iopub_port)),
      reader_(outer.key),
      composer_(outer.key, make_uuid(), "r"),
      signals_(open_signals()) {
  // Kernels address stdin by the identity that asked on shell: both must have the same.
  const std::string id = "relay-" + make_uuid();
  const auto dealer = zmq::socket_type::dealer;
  shell_ = {make_router(context_, outer, outer.shell_port),
            connect(context_, dealer, inner.shell(), id)};
  stdin_ = {make_router(context_, outer, outer.stdin_port),
            connect(context_, dealer, inner.stdin_(), id)};
  control_ = {make_router(context_, outer, outer.control_port),
              connect(context_, dealer, inner.control(), id)};
}

relay::~relay() = default;

void relay::watch(poll_loop& loop, bridge& b) {
  loop.watch(
      b.outer, [&b] { b.to_kernel(); }, [&b] { return b.kernel_has_room(); });
  loop.watch(b.inner, [&b] { b.to_client(); });
}

exit_status relay::run() {
  watch(shell_loop_, shell_);
  watch(shell_loop_, stdin_);
  // Room on an inner socket makes no noise: while one is full, look again soon.
  shell_loop_.each_turn([this] {
    return shell_.kernel_has_room() && stdin_.kernel_has_room() ? poll_loop::forever
                                                                : std::chrono::milliseconds(20);
  });
  std::thread control([this] { run_control(); });
  shell_loop_.run();
  control.join();
  return kernel_.wait();
}

void relay::run_control() {
  control_loop_.watch(control_.outer, [this] { read_control(); });
  control_loop_.watch(control_.inner, [this] { control_.to_client(); });
  control_loop_.watch(heartbeat_, [this] { answer_heartbeats(heartbeat_); });
  control_loop_.watch(
      iopub_, [this] { read_iopub(); }, [this] { return !publisher_.full(); });
  control_loop_.watch(publisher_.socket(), [this] {
    publisher_.read_subscriptions([this](std::string_view topic) { welcome(topic); });
  });
  control_loop_.watch(kernel_.output(), [this] { read_output(); });
  control_loop_.watch(kernel_.pidfd(), [this] { control_loop_.stop(); });
  control_loop_.watch(signals_.get(), [this] { on_signal(); });
  control_loop_.each_turn([this] {
    publisher_.flush(publisher::clock::now());
    return publisher_.waiting() ? publish_retry : poll_loop::forever;
  });
  control_loop_.run();
  finish();
  shell_loop_.stop();
}

/// The kernel has ended: what it said before is on its way, and the socket says nothing of the end.
void relay::finish() {
  zmq_pollitem_t item{iopub_.handle(), 0, ZMQ_POLLIN, 0};
  const auto until = std::chrono::steady_clock::now() + longest_farewell;
  while (std::chrono::steady_clock::now() < until) {
    if (zmq_poll(&item, 1, quiet.count()) <= 0 && !publisher_.waiting()) break;
    read_iopub();
    control_.to_client();
    publisher_.flush(publisher::clock::now());
  }
  read_output();
}

void relay::on_signal() {
  // SIGINT is the kernel's, which has it from the same group; SIGTERM may have been for us alone.
  while (const int signal = read_signal(signals_.get())) {
    if (signal == SIGTERM) kernel_.signal(SIGTERM);
  }
}

void relay::welcome(std::string_view topic) {
  if (!is_utf8(topic)) return;
  if (!heard_) {
    if (not_welcomed_.size() < most_not_welcomed) not_welcomed_.emplace_back(topic);
    return;
  }
  const std::string content = fmt::format(R"({{"subscription": {}}})", json_quote(topic));
  publish({"iopub_welcome", "{}", content, "{}", {}});
}

void relay::read_iopub() {
  frame_list frames;
  for (int i = 0; i < batch && !publisher_.full() && receive_message(iopub_, frames); ++i) {
    if (!std::exchange(heard_, true)) {
      for (const auto& topic : not_welcomed_)
        welcome(topic);
      not_welcomed_.clear();
    }
    if (frames.size() > 0) publisher_.publish(std::move(frames));
    frames = {};
  }
}

void relay::read_output() {
  std::array<char, 16384> buffer;
  for (int i = 0; i < batch; ++i) {
    const ssize_t n = ::read(kernel_.output(), buffer.data(), buffer.size());
    if (n <= 0) return;
    log_.append({buffer.data(), static_cast<std::size_t>(n)});
  }
}

void relay::read_control() {
  frame_list frames;
  for (int i = 0; i < batch && receive_message(control_.outer, frames); ++i) {
    if (frames.size() == 0) continue;
    // Looked into only where the answer is ours: the kernel judges everything else itself.
    std::vector<std::string_view> views;
    for (std::size_t f = 0; f < frames.size(); ++f)
      views.push_back(frames.view(f));
    wire_view wire;
    header head;
    const bool is_interrupt =
        !interrupt_by_message_ && decode_wire(views, message_limits{}, wire) == errc::ok &&
        peek_header(wire.message.header, head) == errc::ok && head.msg_type == "interrupt_request";
    if (!is_interrupt) {
      send_message(control_.inner, frames);
    } else if (const auto r = reader_.read(std::move(frames))) {
      interrupt(*r);
    }
    frames = {};
  }
}

/// The kernelspec wants a signal: the whole group gets it, and we have it blocked.
void relay::interrupt(const request& r) {
  const std::string_view parent = r.message().header;
  publish({"status", parent, R"({"execution_state": "busy"})", "{}", {}});
  ::kill(0, SIGINT);
  auto frames =
      composer_.reply(r.identities(), {"interrupt_reply", parent, R"({"status": "ok"})", "{}", {}});
  send_message(control_.outer, frames);
  publish({"status", parent, R"({"execution_state": "idle"})", "{}", {}});
}

void relay::publish(const outgoing_message& m) {
  publisher_.publish(composer_.broadcast(m));
}

}  // namespace kmux::child
