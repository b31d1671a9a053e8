#include "proc/child/control_loop.hpp"

#include <csignal>
#include <sys/signalfd.h>

#include <fmt/format.h>

#include "proc/child/multipart.hpp"
#include "proc/child/shell_loop.hpp"
#include "proc/child/sockets.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux::child {

namespace {

constexpr auto last_words = std::chrono::milliseconds(200);

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

void block_signals() {
  sigset_t set = our_signals();
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

unique_fd open_signals() {
  const sigset_t set = our_signals();
  return unique_fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int read_signal(int fd) {
  signalfd_siginfo info{};
  return ::read(fd, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

control_loop::control_loop(zmq::context_t& context, connection_info& where,
                           const std::string& session, shell_loop& shell, outbox& out)
    : shell_(shell),
      outbox_(out),
      control_(make_router(context, where, where.control_port)),
      heartbeat_(make_heartbeat(context, where, where.hb_port)),
      publisher_(make_publisher(context, where, where.iopub_port)),
      reader_(where.key),
      composer_(where.key, session, "c"),
      signals_(open_signals()) {
}

void control_loop::run() {
  loop_.watch(control_, [this] { read(); });
  loop_.watch(heartbeat_, [this] { answer_heartbeats(heartbeat_); });
  loop_.watch(publisher_.socket(), [this] {
    publisher_.read_subscriptions([this](std::string_view topic) { welcome(topic); });
  });
  loop_.watch(
      outbox_.fd(), [this] { forward(); }, [this] { return !publisher_.full(); });
  loop_.watch(signals_.get(), [this] { on_signal(); });
  loop_.each_turn([this] {
    publisher_.flush(publisher::clock::now());
    return publisher_.waiting() ? publish_retry : poll_loop::forever;
  });
  publish({"status", "{}", R"({"execution_state": "starting"})", "{}", {}});
  loop_.run();
  forward();
  const auto until = publisher::clock::now() + last_words;
  while (publisher_.waiting() && publisher::clock::now() < until) {
    publisher_.flush(publisher::clock::now());
  }
}

void control_loop::on_signal() {
  while (const int signal = read_signal(signals_.get())) {
    if (signal == SIGINT) {
      shell_.interrupt();
    } else {
      shell_.stop();
    }
  }
}

void control_loop::forward() {
  for (auto& frames : outbox_.take())
    publisher_.publish(std::move(frames));
}

void control_loop::publish(const outgoing_message& m) {
  publisher_.publish(composer_.broadcast(m));
}

void control_loop::welcome(std::string_view topic) {
  // JEP 65; a topic that is not text cannot be told back in JSON.
  if (!is_utf8(topic)) return;
  const std::string content = fmt::format(R"({{"subscription": {}}})", json_quote(topic));
  publish({"iopub_welcome", "{}", content, "{}", {}});
}

void control_loop::read() {
  frame_list frames;
  while (receive_message(control_, frames)) {
    if (frames.size() == 0) continue;
    if (const auto r = reader_.read(std::move(frames))) serve(*r);
    frames = {};
  }
}

void control_loop::status(std::string_view parent, std::string_view state) {
  const std::string content = fmt::format(R"({{"execution_state": "{}"}})", state);
  publish({"status", parent, content, "{}", {}});
}

void control_loop::serve(const request& r) {
  const std::string_view header = r.message().header;
  const auto reply = [&](std::string_view type, std::string_view content) {
    auto frames = composer_.reply(r.identities(), {type, header, content, "{}", {}});
    send_message(control_, frames);
  };
  status(header, "busy");
  if (r.head.msg_type == "kernel_info_request") {
    reply("kernel_info_reply", shell_.kernel_info());
  } else if (r.head.msg_type == "interrupt_request") {
    shell_.interrupt();
    reply("interrupt_reply", R"({"status": "ok"})");
  } else if (r.head.msg_type == "usage_request") {
    reply("usage_reply", usage_.reply());
  } else if (r.head.msg_type == "shutdown_request") {
    const auto content = json::parse_object(r.message().content, "content");
    const auto* const restart = content ? json::find(*content, "restart") : nullptr;
    reply("shutdown_reply", restart != nullptr && restart->IsTrue()
                                ? R"({"status": "ok", "restart": true})"
                                : R"({"status": "ok", "restart": false})");
    shell_.stop();
  }
  status(header, "idle");
}

}  // namespace kmux::child
