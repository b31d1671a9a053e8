#pragma once
// The loop pair around an in-process interpreter.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "proc/child/control_loop.hpp"
#include "proc/child/input_broker.hpp"
#include "proc/child/outbox.hpp"
#include "proc/child/sender.hpp"
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
  kernel_host(connection_info& where, interpreter& language, kernel_settings = {});
  ~kernel_host();

  /// Serves until stop(), a shutdown_request or SIGTERM. Once. The same as start(), shell().run(),
  /// finish(), which are for threads that run a loop of their own.
  void run();
  void start();
  /// What was said is sent, as far as somebody takes it soon; then the sockets are closed. Again:
  /// nothing. Not from the control loop's thread.
  void finish();
  void stop();
  /// As SIGINT does: aims at the cell that runs now, if any.
  void interrupt() noexcept { shell_.interrupt(true); }
  /// As SIGTERM does. Async-signal-safe.
  void terminate() noexcept { control_.terminate(); }
  /// See control_loop.
  void flush_before_crash() noexcept { control_.flush_before_crash(); }

  shell_loop& shell() noexcept { return shell_; }
  std::shared_ptr<const request> latest_on_control() const { return control_.latest(); }
  output_capture* capture() noexcept { return capture_.get(); }
  outbox& out() noexcept { return outbox_; }
  sender& says() noexcept { return sender_; }
  const std::string& session() const noexcept { return session_; }

private:
  zmq::context_t context_;
  const std::string session_;
  const secret key_;
  kernel_sockets sockets_;
  const std::string connect_, info_;
  outbox outbox_;
  sender sender_;
  recorder journal_;
  std::unique_ptr<output_capture> capture_;
  input_broker inputs_;
  shell_loop shell_;
  control_loop control_;
  std::thread control_thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread::id shell_id_, control_id_;
  enum class phase { fresh, running, ended } phase_ = phase::fresh;
  bool stop_asked_ = false, finishing_ = false;
};

}  // namespace kmux::child
