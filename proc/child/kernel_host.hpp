#pragma once
// The loop pair around an in-process interpreter.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "proc/child/control_loop.hpp"
#include "proc/child/outbox.hpp"
#include "proc/child/shell_loop.hpp"
#include "protocol/connection_file.hpp"
#include <kmux/child/interpreter.hpp>

namespace kmux::child {

/// Owns both loops: shell on the thread that calls run(), control on one of its own.
///
/// stop() may be called from any thread, any number of times; it returns when both loops have
/// ended, except on the loops' own threads, which cannot wait for themselves: there it only asks.
class kernel_host {
public:
  /// Binds the sockets; ports that were 0 are set in `where`. Throws where that fails.
  kernel_host(connection_info& where, interpreter& language);
  ~kernel_host();

  /// Serves until stop(), a shutdown_request or SIGTERM. Once.
  void run();
  void stop();
  /// As SIGINT does: aims at the cell that runs now, if any.
  void interrupt() noexcept { shell_.interrupt(); }

private:
  zmq::context_t context_;
  std::string session_;
  outbox outbox_;
  shell_loop shell_;
  control_loop control_;
  std::thread::id shell_thread_, control_thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  enum class phase { fresh, running, ended } phase_ = phase::fresh;
  bool stop_asked_ = false;
};

}  // namespace kmux::child
