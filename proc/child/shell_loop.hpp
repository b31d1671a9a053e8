#pragma once
// A shell loop: requests, one at a time, on the thread that runs user code.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "proc/child/input_broker.hpp"
#include "proc/child/output_capture.hpp"
#include "proc/child/request_queue.hpp"
#include "proc/child/sender.hpp"
#include <kmux/child/interpreter.hpp>

namespace kmux::child {

class served_request;

/// The kernel's own, or a subshell's. run() or turn() on one thread; interrupt() and stop() from
/// any. While a cell goes on (interpreter::start() has returned, finish() not been called) other
/// requests are served, in order.
class shell_loop : public shell {
public:
  /// `kernel_info` outlives it: a kernel_info_reply's content but for its execution_state.
  shell_loop(std::string id, interpreter& language, sender& out, input_broker& inputs,
             const std::string& kernel_info);
  ~shell_loop() override;

  void run() override;
  bool turn() override;
  int fd() const noexcept override { return queue_->fd(); }
  bool stopped() const noexcept override { return stopping_; }
  const std::string& id() const noexcept override { return id_; }
  std::uint64_t running() const noexcept override { return running_; }
  std::uint64_t latest() const noexcept override { return last_serial_; }

  void stop() noexcept;
  /// Once run() has ended: what still waits is answered, cells as aborted. The loop's thread. Where
  /// the language could not run it at all: until stop(), each as an error.
  void refuse_rest();
  /// Aims at the request that runs now; none running: harmless, and the next is not hit either.
  void interrupt(bool by_message) noexcept;

  /// A kernel_info_reply's content, with the execution_state of now. Any thread.
  std::string kernel_info() const;
  /// A request blocks the thread: what is queued has to wait. Any thread.
  bool blocked() const noexcept { return blocked_; }
  request_queue& queue() noexcept { return *queue_; }
  /// What the process writes to its descriptors belongs to our cells; nullptr: nobody looks.
  void set_capture(output_capture* capture) { capture_ = capture; }
  const std::string& facts() const noexcept { return kernel_info_; }

private:
  friend class served_request;

  /// Whom an interrupt hits, and how the one who waits learns of it.
  struct aim {
    std::mutex mutex;
    std::uint64_t hit = 0;  ///< latest() at the last interrupt
    event_fd wake;          ///< readable since, or since stop()
  };

  void serve(const request_queue::entry&);
  void serve_cell(const std::shared_ptr<const request>&);
  void serve_comm(const std::shared_ptr<const request>&);
  void end_cell(const served_request&, const execute_result&);
  void abort(const request&);
  void refuse(const request&);
  std::string answer(const request&);

  const std::string id_;
  interpreter& language_;
  sender& out_;
  input_broker& inputs_;
  const std::string& kernel_info_;
  const std::shared_ptr<request_queue> queue_ = std::make_shared<request_queue>();
  bool cell_runs_ = false;
  int last_count_ = 0;
  std::atomic<std::uint64_t> running_{0};
  static inline std::atomic<std::uint64_t> last_serial_{0};
  std::atomic<bool> stopping_{false}, blocked_{false};
  aim aim_;
  output_capture* capture_ = nullptr;
};

/// A reply's content for a question that has only members besides its status.
std::string with_status(std::string_view members);
/// complete, inspect, is_complete; empty where the content is broken.
std::string answer_query(interpreter&, const request&);
/// The same without asking the language: nothing found.
std::string empty_answer(const request&);
/// An error that is no exception of the language's.
std::string error_content(std::string_view ename, std::string_view evalue);

}  // namespace kmux::child
