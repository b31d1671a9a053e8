#pragma once
// The control loop: all of a kernel's sockets, its signals and its subshells, on a thread of its
// own.

#include <chrono>
#include <csignal>
#include <deque>
#include <string>
#include <utility>

#include <zmq.hpp>

#include "proc/child/composer.hpp"
#include "proc/child/helper_thread.hpp"
#include "proc/child/input_broker.hpp"
#include "proc/child/outbox.hpp"
#include "proc/child/overdue_queries.hpp"
#include "proc/child/poll_loop.hpp"
#include "proc/child/publisher.hpp"
#include "proc/child/recorder.hpp"
#include "proc/child/sender.hpp"
#include "proc/child/shell_loop.hpp"
#include "proc/child/sockets.hpp"
#include "proc/child/subshells.hpp"
#include "proc/child/usage.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::child {

struct kernel_settings {
  bool take_signals = true;     ///< the control loop reads SIGINT and SIGTERM, which are blocked
  bool capture_output = false;  ///< descriptors 1 and 2 are stream output
  bool follow_parent = true;    ///< ends with the process that JPY_PARENT_PID names
  /// After a cell failed with stop_on_error, cells that come within that time are aborted, too.
  std::chrono::milliseconds stop_on_error_timeout{0};
};

/// What the loop serves; all of it outlives the loop.
struct kernel_parts {
  zmq::context_t& context;
  const std::string& session;
  const secret& key;
  const std::string& connect;  ///< connect_reply's content
  interpreter& language;
  shell_loop& shell;
  sender& out;
  input_broker& inputs;
  output_capture* capture;  ///< may be nullptr
  recorder& journal;
};

/// Never waits for a shell loop or for the language, and so answers whatever the user's code does.
/// run() on one thread; stop() and terminate() from any.
class control_loop {
public:
  /// How long the shell loop may take to end before the language is told to abandon it.
  static constexpr auto stop_patience = std::chrono::milliseconds(1000);

  control_loop(kernel_sockets, const kernel_parts&, const kernel_settings&);

  void run();
  void stop() noexcept { loop_.stop(); }
  /// Begins the kernel's end, as SIGTERM does. Async-signal-safe.
  void terminate() noexcept { terminate_.set(); }
  /// For a process that is about to crash: returns when all that was said is sent and the sockets
  /// are closed, or where that takes long, as it does on the loop's own thread. Async-signal-safe.
  void flush_before_crash() noexcept;
  /// The last request on the control channel; nullptr before there was one. Any thread.
  std::shared_ptr<const request> latest() const {
    const std::lock_guard lock(mutex_);
    return latest_;
  }
  /// Waits for the threads that the loop has started. After run().
  void join();

private:
  using clock = publisher::clock;

  std::chrono::milliseconds turn();
  void read_shell();
  void read_stdin();
  void read_control();
  void on_signal();
  void begin_stop();
  void abandon(clock::time_point now);
  void flush_all();
  [[noreturn]] void await_crash();
  void close_sockets();
  void on_fence(const outbox::fence&);
  clock::time_point end_aborts(clock::time_point now);

  // control_requests.cpp
  void serve(const std::shared_ptr<const request>&);
  void serve_aside(const std::shared_ptr<const request>&, helper_thread::job);
  void serve_debug(const std::shared_ptr<const request>&);
  void serve_stacks(const std::shared_ptr<const request>&);
  std::string answer_subshells(const request&);
  void to_shell(const std::shared_ptr<const request>&);
  void refuse(const request&, std::string_view content);

  void forward();
  void forward_text(const outbox::text&);
  void reply(const request&, std::string_view content);
  void status(std::string_view parent, std::string_view state);
  void publish(const outgoing_message&);
  void say(channel, frame_list&&);
  void welcome(std::string_view topic);
  zmq::socket_t& socket(channel);

  kernel_parts parts_;
  kernel_sockets sockets_;
  publisher publisher_;
  announcer said_;
  request_reader shell_reader_, stdin_reader_, control_reader_;
  composer composer_;
  subshells subshells_;
  overdue_queries overdue_;
  const std::chrono::milliseconds stop_on_error_timeout_;
  std::deque<std::pair<clock::time_point, outbox::fence>> aborts_;  ///< when each ends; by time
  helper_thread debugger_;
  usage usage_;
  poll_loop loop_;
  unique_fd signals_, parent_;
  event_fd terminate_, crashing_, all_sent_;
  mutable std::mutex mutex_;  ///< of latest_
  std::shared_ptr<const request> latest_;
  clock::time_point abandon_at_ = clock::time_point::max();
};

/// A signalfd(2) for SIGINT and SIGTERM, which must be blocked already.
unique_fd open_signals();
/// The next signal, or 0.
int read_signal(int fd);
/// Blocks SIGINT, SIGTERM and SIGPIPE for this thread and those that it starts.
void block_signals();
/// All signals, for the threads that this one starts meanwhile.
class thread_signals_blocked {
public:
  thread_signals_blocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~thread_signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  thread_signals_blocked(const thread_signals_blocked&) = delete;
  thread_signals_blocked& operator=(const thread_signals_blocked&) = delete;

private:
  sigset_t before_;
};

/// Between two tries to publish what subscribers did not take.
inline constexpr std::chrono::milliseconds publish_retry{1};

}  // namespace kmux::child
