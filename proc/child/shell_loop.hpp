#pragma once
// The shell loop: requests, one at a time, on the thread that runs user code.

#include <deque>
#include <mutex>
#include <string>

#include <zmq.hpp>

#include "proc/child/composer.hpp"
#include "proc/child/outbox.hpp"
#include "proc/child/poll_loop.hpp"
#include "proc/child/request.hpp"
#include "protocol/connection_file.hpp"
#include <kmux/child/interpreter.hpp>

namespace kmux::child {

/// Owns the shell and stdin sockets. run() on one thread; interrupt() and stop() from any.
class shell_loop {
public:
  shell_loop(zmq::context_t&, connection_info& where, const std::string& session,
             interpreter& language, outbox& out);

  void run();
  void stop() noexcept;
  /// Aims at the request that runs now; none running: harmless, and the next is not hit either.
  void interrupt() noexcept;

  /// A kernel_info_reply's content, with the execution_state of now. Any thread.
  std::string kernel_info();

private:
  class running;  ///< one request's execution

  void read();
  void serve(request&);
  void execute(request&, running&);
  void reply(const request&, std::string_view type, std::string_view content);
  void publish(std::string_view parent, const outgoing_message&);
  void status(const request&, std::string_view state);
  std::string other_reply(const request&);

  interpreter& language_;
  outbox& out_;
  const std::string kernel_info_;  ///< a reply's content, but for its execution_state
  zmq::socket_t shell_, stdin_;
  request_reader reader_, stdin_reader_;
  composer composer_;
  poll_loop loop_;
  std::deque<request> queue_;
  bool aborting_ = false;
  int count_ = 0;

  std::mutex mutex_;          ///< of the three below
  bool busy_ = false;         ///< a request runs
  bool interrupted_ = false;  ///< that request is to be interrupted
  bool stopping_ = false;
  event_fd wake_;  ///< readable since an interrupt or stop, while a request runs
};

}  // namespace kmux::child
