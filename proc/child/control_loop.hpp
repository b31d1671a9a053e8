#pragma once
// The control loop: control, heartbeat, signals and iopub, on a thread of its own.

#include <string>

#include <zmq.hpp>

#include "proc/child/composer.hpp"
#include "proc/child/outbox.hpp"
#include "proc/child/poll_loop.hpp"
#include "proc/child/publisher.hpp"
#include "proc/child/request.hpp"
#include "proc/child/usage.hpp"
#include "proc/unique_fd.hpp"
#include "protocol/connection_file.hpp"

namespace kmux::child {

class shell_loop;

/// Owns the control, heartbeat and iopub sockets. Never waits for the shell loop, and so answers
/// whatever the user's code does. run() on one thread; stop() from any.
class control_loop {
public:
  control_loop(zmq::context_t&, connection_info& where, const std::string& session, shell_loop&,
               outbox&);

  void run();
  void stop() noexcept { loop_.stop(); }

private:
  void read();
  void serve(const request&);
  void status(std::string_view parent, std::string_view state);
  void publish(const outgoing_message&);
  void forward();
  void on_signal();
  void welcome(std::string_view topic);

  shell_loop& shell_;
  outbox& outbox_;
  zmq::socket_t control_, heartbeat_;
  publisher publisher_;
  request_reader reader_;
  composer composer_;
  usage usage_;
  poll_loop loop_;
  unique_fd signals_;
};

/// A signalfd(2) for SIGINT and SIGTERM, which must be blocked already.
unique_fd open_signals();
/// The next signal, or 0.
int read_signal(int fd);
/// Blocks SIGINT, SIGTERM and SIGPIPE for this thread and those that it starts.
void block_signals();

/// Between two tries to publish what subscribers did not take.
inline constexpr std::chrono::milliseconds publish_retry{1};

}  // namespace kmux::child
