#include "proc/child/relay.hpp"

#include <array>
#include <csignal>
#include <limits>
#include <sys/signalfd.h>
#include <utility>

#include <fmt/format.h>

#include "proc/child/control_loop.hpp"
#include "proc/child/multipart.hpp"
#include "proc/child/sockets.hpp"
#include "protocol/ids.hpp"
#include "protocol/json.hpp"

namespace kmux::child {

namespace {

constexpr auto quiet = std::chrono::milliseconds(20);
constexpr auto longest_farewell = std::chrono::milliseconds(500);
constexpr std::size_t most_not_welcomed = 100;
constexpr int batch = 256;  ///< messages before the loop looks at everything else

zmtp_settings towards_kernel(zmtp_role role, std::string endpoint, const std::string& id) {
  zmtp_settings s;
  s.role = role;
  s.endpoint = std::move(endpoint);
  s.routing_id = id;
  s.outbox_bytes = std::numeric_limits<std::size_t>::max();  // bounded by kernel_has_room()
  // The kernel binds when it is ready: look often, that is what a start waits for.
  s.longest_pause = std::chrono::milliseconds(50);
  return s;
}

std::vector<std::string_view> views_of(const frame_list& frames) {
  std::vector<std::string_view> views;
  for (std::size_t i = 0; i < frames.size(); ++i)
    views.push_back(frames.view(i));
  return views;
}

/// Blocked from now on: before there is a second thread.
unique_fd open_child_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return unique_fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/// The kernel has ended: what it said before is in the sockets, up to their ends. Those may be long
/// in coming where a process that it left behind holds them open. `out` may be nullptr.
void read_rest(zmtp_socket& one, zmtp_socket& other, announcer& says, publisher* out) {
  using clock = publisher::clock;
  const auto until = clock::now() + longest_farewell;
  const auto publishing = [out] { return out != nullptr && out->waiting(); };
  while ((one.fd() >= 0 || other.fd() >= 0 || publishing()) && clock::now() < until) {
    zmq_pollitem_t items[] = {{nullptr, one.fd(), ZMQ_POLLIN, 0},
                              {nullptr, other.fd(), ZMQ_POLLIN, 0}};  // -1 is passed over
    const auto patience = publishing() ? publish_retry : quiet;
    if (zmq_poll(items, 2, patience.count()) <= 0 && !publishing()) return;
    if (out == nullptr || !out->full()) one.read();
    other.read();
    says.send();
    if (out != nullptr) out->flush(clock::now());
  }
}

/// What is kept in the journal must be the kernel's own; what is not is dropped here, as kmuxd
/// would. A message without a delimiter is none, and goes on as it is.
bool is_sound(const frame_list& frames, message_judge& judge) {
  wire_view wire;
  header head;
  message_limits limits;
  limits.max_bytes = std::numeric_limits<std::size_t>::max();
  limits.max_header_bytes = 2 << 20;  // a kernel repeats what a client made long
  const errc e = decode_wire(views_of(frames), limits, wire);
  return e == errc::no_delimiter || (e == errc::ok && judge.admit(wire, head));
}

}  // namespace

relay::bridge::bridge(channel which, zmq::socket_t bound, receive_buffer& buffer,
                      zmtp_settings settings, const secret& key, announcer& says, recorder& journal,
                      interceptor first)
    : outer(std::move(bound)),
      inner(buffer, std::move(settings),
            {[this, which, &says](zmtp_message&& message) {
               frame_list frames = to_frames(std::move(message));
               if (!is_sound(frames, judge_)) return;
               says.say(which, std::move(frames),
                        [this](frame_list&& recorded) { send_message(outer, recorded); });
             },
             {},
             {},
             {}}),
      journal_(journal),
      intercept_(std::move(first)),
      judge_(key.reveal()) {
}

/// The kernel judges everything itself, but does not know what it has had already.
bool relay::bridge::is_for_kernel(std::span<const std::string_view> views, frame_list& frames) {
  wire_view wire;
  if (decode_wire(views, message_limits{}, wire) != errc::ok ||
      peek_header(wire.message.header, head_) != errc::ok) {
    return true;
  }
  if (!taken_.admit(head_)) return false;
  journal_.note(head_, wire.message);
  return !intercept_ || !intercept_(head_, frames);
}

void relay::bridge::to_kernel() {
  frame_list frames;
  for (int i = 0; i < batch && kernel_has_room() && receive_message(outer, frames); ++i) {
    const auto views = views_of(frames);
    if (frames.size() > 0 && is_for_kernel(views, frames)) inner.send(views);
  }
}

relay::relay(connection_info& outer, const connection_info& inner, const launch_spec& spec,
             kernel_process kernel)
    : context_(make_context()),
      interrupt_by_message_(spec.interrupt_by_message),
      kernel_(std::move(kernel)),
      log_(spec.stdio_log, spec.stdio_limit),
      // Kernels address stdin by the identity that asked on shell: both must have the same.
      routing_id_("relay-" + make_uuid()),
      journal_(outer.journal),
      shell_(channel::shell, make_router(context_, outer, outer.shell_port), shell_buffer_,
             towards_kernel(zmtp_role::dealer, inner.shell(), routing_id_), outer.key, shell_says_,
             journal_),
      stdin_(channel::stdin_, make_router(context_, outer, outer.stdin_port), shell_buffer_,
             towards_kernel(zmtp_role::dealer, inner.stdin_(), routing_id_), outer.key, shell_says_,
             journal_),
      control_(channel::control, make_router(context_, outer, outer.control_port), control_buffer_,
               towards_kernel(zmtp_role::dealer, inner.control(), routing_id_), outer.key,
               control_says_, journal_,
               [this](const header& head, frame_list& frames) { return intercept(head, frames); }),
      heartbeat_(make_heartbeat(context_, outer, outer.hb_port)),
      iopub_(control_buffer_, towards_kernel(zmtp_role::sub, inner.iopub(), {}),
             {[this](zmtp_message&& message) { on_iopub(std::move(message)); }, {}, {}, {}}),
      publisher_(make_publisher(context_, outer, outer.iopub_port)),
      reader_(outer.key.reveal(), channel::control),
      iopub_judge_(outer.key.reveal()),
      composer_(outer.key.reveal(), make_uuid(), "r"),
      signals_(open_signals()),
      children_(open_child_signals()) {
}

relay::~relay() = default;

void relay::watch(poll_loop& loop, bridge& b) {
  loop.watch(
      b.outer, [&b] { b.to_kernel(); }, [&b] { return b.kernel_has_room(); });
  loop.watch(b.inner);
}

exit_status relay::run() {
  watch(shell_loop_, shell_);
  watch(shell_loop_, stdin_);
  shell_loop_.each_turn([this] {
    shell_says_.send();
    return poll_loop::forever;
  });
  std::thread control([this] { run_control(); });
  shell_loop_.run();
  read_rest(shell_.inner, stdin_.inner, shell_says_, nullptr);
  control.join();
  return kernel_.wait();
}

void relay::run_control() {
  watch(control_loop_, control_);
  control_loop_.watch(heartbeat_, [this] { answer_heartbeats(heartbeat_); });
  control_loop_.watch(iopub_, [this] { return !publisher_.full(); });
  control_loop_.watch(publisher_.socket(), [this] {
    publisher_.read_subscriptions([this](std::string_view topic) { welcome(topic); });
  });
  control_loop_.watch(kernel_.output(), [this] { read_output(); });
  control_loop_.watch(kernel_.pidfd(), [this] { control_loop_.stop(); });
  control_loop_.watch(signals_.get(), [this] { on_signal(); });
  control_loop_.watch(children_.get(), [this] { on_child(); });
  control_loop_.each_turn([this] {
    control_says_.send();
    publisher_.flush(publisher::clock::now());
    return publisher_.waiting() ? publish_retry : poll_loop::forever;
  });
  control_loop_.run();
  shell_loop_.stop();
  read_rest(iopub_, control_.inner, control_says_, &publisher_);
  read_output();
}

void relay::on_signal() {
  // SIGINT is the kernel's, which has it from the same group; SIGTERM may have been for us alone.
  while (const int signal = read_signal(signals_.get())) {
    if (signal == SIGTERM) kernel_.signal(SIGTERM);
  }
}

/// What the kernel's children have left behind comes to us, and would stay as zombies.
void relay::on_child() {
  while (read_signal(children_.get()) != 0) {
  }
  kernel_.reap_others();
}

void relay::welcome(std::string_view topic) {
  if (!is_utf8(topic)) return;
  if (!heard_) {
    if (not_welcomed_.size() < most_not_welcomed) not_welcomed_.emplace_back(topic);
    return;
  }
  const std::string content = fmt::format(R"({{"subscription": {}}})", json_quote(topic));
  // Not recorded: it is for one subscriber.
  publisher_.publish(composer_.broadcast({"iopub_welcome", "{}", content, "{}", {}}));
}

void relay::on_iopub(zmtp_message&& message) {
  if (!std::exchange(heard_, true)) {
    for (const auto& topic : not_welcomed_)
      welcome(topic);
    not_welcomed_.clear();
  }
  frame_list frames = to_frames(std::move(message));
  if (is_sound(frames, iopub_judge_)) say_on_iopub(std::move(frames));
}

void relay::say_on_iopub(frame_list&& frames) {
  control_says_.say(channel::iopub, std::move(frames),
                    [this](frame_list&& recorded) { publisher_.publish(std::move(recorded)); });
}

void relay::read_output() {
  std::array<char, 16384> buffer;
  for (int i = 0; i < batch; ++i) {
    const ssize_t n = ::read(kernel_.output(), buffer.data(), buffer.size());
    if (n <= 0) return;
    log_.append({buffer.data(), static_cast<std::size_t>(n)});
  }
}

/// Looked into only where the answer is ours.
bool relay::intercept(const header& head, frame_list& frames) {
  if (interrupt_by_message_ || head.msg_type != "interrupt_request") return false;
  if (const auto r = reader_.read(std::move(frames))) interrupt(*r);
  return true;
}

/// The kernelspec wants a signal: the whole group gets it, and we have it blocked.
void relay::interrupt(const request& r) {
  const std::string_view parent = r.message().header;
  publish({"status", parent, R"({"execution_state": "busy"})", "{}", {}});
  ::kill(0, SIGINT);
  auto frames =
      composer_.reply(r.identities(), {"interrupt_reply", parent, R"({"status": "ok"})", "{}", {}});
  control_says_.say(channel::control, std::move(frames),
                    [this](frame_list&& recorded) { send_message(control_.outer, recorded); });
  publish({"status", parent, R"({"execution_state": "idle"})", "{}", {}});
}

void relay::publish(const outgoing_message& m) {
  say_on_iopub(composer_.broadcast(m));
}

}  // namespace kmux::child
