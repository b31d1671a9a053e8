#pragma once
// An ordinary Jupyter kernel behind the same five channels as any child of ours.

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <zmq.hpp>

#include "proc/child/bounded_log.hpp"
#include "proc/child/composer.hpp"
#include "proc/child/kernel_process.hpp"
#include "proc/child/poll_loop.hpp"
#include "proc/child/publisher.hpp"
#include "proc/child/recorder.hpp"
#include "proc/child/request.hpp"
#include "proc/launch_spec.hpp"
#include "protocol/connection_file.hpp"

namespace kmux::child {

/// Passes frames between the outer sockets and the kernel's, unsigned anew: both sides use the same
/// key. Shell and stdin on the thread that calls run(), control, iopub, heartbeat, signals and the
/// kernel's end on another. The kernel's output is always drained.
class relay {
public:
  /// `outer` is bound; `inner` is where the kernel, already started, will bind.
  relay(connection_info& outer, const connection_info& inner, const launch_spec&, kernel_process);
  ~relay();

  /// Until the kernel has ended; its last words have then been passed on.
  exit_status run();
  /// Any thread: SIGTERM to the kernel; run() ends when it does.
  void stop() noexcept { kernel_.signal(SIGTERM); }

private:
  /// An outer ROUTER and the DEALER behind it.
  class bridge {
  public:
    /// Looks at a request first; true: it is answered already.
    using interceptor = std::function<bool(const header&, frame_list&)>;

    bridge(channel, zmq::socket_t outer, receive_buffer&, zmtp_settings, const secret& key,
           announcer&, recorder&, interceptor = {});
    void to_kernel();
    /// Else nothing is taken from clients, who feel it: the kernel is not there yet, or does not
    /// read.
    bool kernel_has_room() const noexcept { return inner.waiting_bytes() < most_waiting; }
    static constexpr std::size_t most_waiting = 1 << 20;

    zmq::socket_t outer;
    zmtp_socket inner;

  private:
    bool is_for_kernel(std::span<const std::string_view>, frame_list&);

    recorder& journal_;
    interceptor intercept_;
    request_guard taken_;
    message_judge judge_;
    header head_;
  };

  void watch(poll_loop&, bridge&);
  void run_control();
  bool intercept(const header&, frame_list&);
  void interrupt(const request&);
  void publish(const outgoing_message&);
  void say_on_iopub(frame_list&&);
  void welcome(std::string_view topic);
  void on_iopub(zmtp_message&&);
  void read_output();
  void on_signal();
  void on_child();

  zmq::context_t context_;
  bool interrupt_by_message_;
  kernel_process kernel_;
  bounded_log log_;
  receive_buffer shell_buffer_, control_buffer_;  ///< one for each thread
  std::string routing_id_;
  recorder journal_;
  announcer shell_says_{journal_}, control_says_{journal_};  ///< one for each thread
  bridge shell_, stdin_, control_;
  zmq::socket_t heartbeat_;
  zmtp_socket iopub_;
  publisher publisher_;
  request_reader reader_;
  message_judge iopub_judge_;
  composer composer_;
  poll_loop shell_loop_, control_loop_;
  /// A welcome (JEP 65) promises that nothing is missed from now on: not before the kernel's own
  /// iopub is heard here.
  bool heard_ = false;
  std::vector<std::string> not_welcomed_;
  unique_fd signals_, children_;
};

}  // namespace kmux::child
