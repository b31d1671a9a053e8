#include "proc/child/control_loop.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "proc/child/multipart.hpp"
#include "protocol/json.hpp"

namespace kmux::child {

namespace {

constexpr auto last_words = std::chrono::milliseconds(200);
/// What crashed may hold a lock that the loop needs.
constexpr int crash_patience_ms = 2000;

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

/// Who started us, where that is to end us too (jupyter_client's JPY_PARENT_PID): readable at its
/// end. None where the number is ours or init's: kmux-child replaces itself by the kernel.
unique_fd open_parent() {
  const char* const text = std::getenv("JPY_PARENT_PID");
  const int pid = text == nullptr ? 0 : std::atoi(text);
  if (pid <= 1 || pid == ::getpid()) return {};
  return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

std::chrono::milliseconds until(publisher::clock::time_point when,
                                publisher::clock::time_point now) {
  if (when == publisher::clock::time_point::max()) return poll_loop::forever;
  return when <= now ? std::chrono::milliseconds(0)
                     : std::chrono::ceil<std::chrono::milliseconds>(when - now);
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

control_loop::control_loop(kernel_sockets sockets, const kernel_parts& parts,
                           const kernel_settings& settings)
    : parts_(parts),
      sockets_(std::move(sockets)),
      publisher_(std::move(sockets_.iopub)),
      said_(parts.journal),
      shell_reader_(parts.key.reveal(), channel::shell),
      stdin_reader_(parts.key.reveal(), channel::stdin_),
      control_reader_(parts.key.reveal(), channel::control),
      composer_(parts.key.reveal(), parts.session, "c"),
      subshells_(parts.language, parts.out, parts.inputs, parts.shell.facts()),
      overdue_(parts.language, parts.out,
               [this](const request& r) {
                 status(r.message().header, "busy");
                 reply(r, empty_answer(r));
                 status(r.message().header, "idle");
               }),
      stop_on_error_timeout_(settings.stop_on_error_timeout),
      signals_(settings.take_signals ? open_signals() : unique_fd()),
      parent_(settings.follow_parent ? open_parent() : unique_fd()) {
}

void control_loop::run() {
  loop_.watch(
      sockets_.shell, [this] { read_shell(); }, [this] { return !parts_.shell.queue().full(); });
  loop_.watch(sockets_.stdin_, [this] { read_stdin(); });
  loop_.watch(sockets_.control, [this] { read_control(); });
  loop_.watch(sockets_.heartbeat, [this] { answer_heartbeats(sockets_.heartbeat); });
  loop_.watch(publisher_.socket(), [this] {
    publisher_.read_subscriptions([this](std::string_view topic) { welcome(topic); });
  });
  loop_.watch(
      parts_.out.out().fd(), [this] { forward(); }, [this] { return !publisher_.full(); });
  loop_.watch(terminate_.fd(), [this] {
    terminate_.clear();
    begin_stop();
  });
  loop_.watch(crashing_.fd(), [this] { await_crash(); });
  if (parts_.capture != nullptr) {
    for (const int fd : {1, 2}) {
      loop_.watch(
          parts_.capture->fd(fd), [this] { parts_.capture->drain(); },
          [this] { return parts_.out.out().has_room(); });
    }
  }
  if (signals_) loop_.watch(signals_.get(), [this] { on_signal(); });
  if (parent_) {
    loop_.watch(
        parent_.get(), [this] { begin_stop(); },
        [this] { return abandon_at_ == clock::time_point::max(); });
  }
  loop_.each_turn([this] { return turn(); });
  publish({"status", "{}", R"({"execution_state": "starting"})", "{}", {}});
  loop_.run();
  subshells_.stop();
  overdue_.stop();
  debugger_.stop();
  flush_all();
  close_sockets();
  all_sent_.set();
}

/// libzmq goes on sending for a while (linger) what they have taken.
void control_loop::close_sockets() {
  for (auto* const each : {&sockets_.shell, &sockets_.stdin_, &sockets_.control,
                           &sockets_.heartbeat, &publisher_.socket()})
    each->close();
}

void control_loop::join() {
  subshells_.join();
  overdue_.join();
  debugger_.join();
}

std::chrono::milliseconds control_loop::turn() {
  said_.send();
  const auto now = clock::now();
  publisher_.flush(now);
  if (!publisher_.full() && parts_.out.out().due() <= now) forward();
  auto next = std::min(end_aborts(now), parts_.out.out().due());
  next = std::min(next, overdue_.look(parts_.shell, now));
  subshells_.each([&](shell_loop& each) { next = std::min(next, overdue_.look(each, now)); });
  next = std::min(next, overdue_.end_late(now));
  if (abandon_at_ <= now) abandon(now);
  said_.send();
  const auto wait = until(std::min(next, abandon_at_), now);
  return publisher_.waiting() ? std::min(wait, publish_retry) : wait;
}

/// What is left is said before the end, as far as somebody takes it soon.
void control_loop::flush_all() {
  if (parts_.capture != nullptr) parts_.capture->drain();
  parts_.out.out().hurry();
  forward();
  said_.send();
  const auto last = clock::now() + last_words;
  while (publisher_.waiting() && clock::now() < last)
    publisher_.flush(clock::now());
}

void control_loop::begin_stop() {
  if (abandon_at_ != clock::time_point::max()) return;
  abandon_at_ = clock::now() + stop_patience;
  parts_.shell.stop();
  parts_.shell.interrupt(true);
}

void control_loop::flush_before_crash() noexcept {
  crashing_.set();
  pollfd item{all_sent_.fd(), POLLIN, 0};
  while (::poll(&item, 1, crash_patience_ms) < 0 && errno == EINTR) {
  }
}

void control_loop::await_crash() {
  flush_all();
  close_sockets();
  parts_.context.close();  // waits until everything is sent, or nobody takes it
  all_sent_.set();
  for (;;)
    ::pause();
}

void control_loop::abandon(clock::time_point now) {
  abandon_at_ = now + stop_patience;
  if (!parts_.language.may_abandon()) return;
  flush_all();
  close_sockets();
  parts_.context.close();  // waits until everything is sent, or nobody takes it
  parts_.language.abandon();
}

void control_loop::on_signal() {
  while (const int signal = read_signal(signals_.get())) {
    if (signal == SIGINT) {
      parts_.shell.interrupt(false);
    } else {
      begin_stop();
    }
  }
}

void control_loop::forward() {
  for (auto& each : parts_.out.out().take(clock::now())) {
    if (auto* const text = std::get_if<outbox::text>(&each)) {
      forward_text(*text);
    } else if (auto* const fence = std::get_if<outbox::fence>(&each)) {
      on_fence(*fence);
    } else {
      auto& message = std::get<outbox::message>(each);
      say(message.where, std::move(message.frames));
    }
  }
}

void control_loop::on_fence(const outbox::fence& fence) {
  if (stop_on_error_timeout_.count() == 0) {
    read_shell();
    fence.aborting->end_abort();
  } else {
    aborts_.emplace_back(clock::now() + stop_on_error_timeout_, fence);
  }
}

/// When the next is due. What a client sent in time, and we have not read yet, is aborted too.
control_loop::clock::time_point control_loop::end_aborts(clock::time_point now) {
  while (!aborts_.empty() && aborts_.front().first <= now) {
    read_shell();
    aborts_.front().second.aborting->end_abort();
    aborts_.pop_front();
  }
  return aborts_.empty() ? clock::time_point::max() : aborts_.front().first;
}

void control_loop::forward_text(const outbox::text& text) {
  const std::string content =
      fmt::format(R"({{"name": {}, "text": {}}})", json_quote(text.name), json_quote(text.bytes));
  publish({"stream", text.parent ? text.parent->message().header : "{}", content, "{}", {}});
}

zmq::socket_t& control_loop::socket(channel where) {
  switch (where) {
    case channel::shell:
      return sockets_.shell;
    case channel::control:
      return sockets_.control;
    default:
      return sockets_.stdin_;
  }
}

/// Recorded now, sent at the end of this turn.
void control_loop::say(channel where, frame_list&& frames) {
  said_.say(where, std::move(frames), [this, where](frame_list&& recorded) {
    if (where == channel::iopub) {
      publisher_.publish(std::move(recorded));
    } else {
      send_message(socket(where), recorded);
    }
  });
}

void control_loop::publish(const outgoing_message& m) {
  say(channel::iopub, composer_.broadcast(m));
}

void control_loop::status(std::string_view parent, std::string_view state) {
  const std::string content = fmt::format(R"({{"execution_state": "{}"}})", state);
  publish({"status", parent, content, "{}", {}});
}

void control_loop::reply(const request& r, std::string_view content) {
  const std::string type = reply_type(r.head.msg_type);
  auto frames = composer_.reply(r.identities(), {type, r.message().header, content, "{}", {}});
  say(r.from, std::move(frames));
}

void control_loop::welcome(std::string_view topic) {
  // JEP 65; a topic that is not text cannot be told back in JSON.
  if (!is_utf8(topic)) return;
  const std::string content = fmt::format(R"({{"subscription": {}}})", json_quote(topic));
  // Not recorded: it is for one subscriber.
  publisher_.publish(composer_.broadcast({"iopub_welcome", "{}", content, "{}", {}}));
}

namespace {

/// All that is there, each verified.
template <class F>
void read_all_of(zmq::socket_t& socket, request_reader& reader, F&& serve) {
  frame_list frames;
  while (receive_message(socket, frames)) {
    if (frames.size() == 0) continue;
    if (auto r = reader.read(std::move(frames))) {
      serve(std::make_shared<const request>(std::move(*r)));
    }
    frames = {};
  }
}

}  // namespace

void control_loop::read_shell() {
  read_all_of(sockets_.shell, shell_reader_, [this](const auto& r) { to_shell(r); });
}

void control_loop::read_stdin() {
  read_all_of(sockets_.stdin_, stdin_reader_, [this](const auto& r) { parts_.inputs.deliver(*r); });
}

void control_loop::read_control() {
  read_all_of(sockets_.control, control_reader_, [this](const auto& r) { serve(r); });
}

}  // namespace kmux::child
