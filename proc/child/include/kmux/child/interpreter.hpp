#pragma once
// What a language brings to a kernel: implement `interpreter`, and kernel does the rest.
// The messages are Jupyter's: https://jupyter-client.readthedocs.io/en/stable/messaging.html

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kmux::child {

/// What running code may do to the world. Belongs to one request; the shell thread's.
class execution {
public:
  virtual ~execution() = default;

  /// An iopub message of any type; `content` and `metadata` are JSON objects.
  virtual void publish(std::string_view type, std::string_view content,
                       std::string_view metadata = "{}",
                       std::span<const std::string_view> buffers = {}) = 0;
  void stream(std::string_view name, std::string_view text);  ///< "stdout" or "stderr"
  /// What the code shows: text/plain, or another MIME type of text.
  void display(std::string_view text, std::string_view mime = "text/plain");
  /// What the cell's last expression is worth, as text/plain. At most once a cell.
  void result(std::string_view text, int execution_count);

  /// Asks the client. nullopt: it may not be asked, or the wait was interrupted.
  virtual std::optional<std::string> input(std::string_view prompt, bool password) = 0;

  /// True since the interrupt that was aimed at this request.
  virtual bool interrupted() const = 0;
  /// Sleeps; false as soon as it is interrupted, or the kernel stops.
  virtual bool sleep(std::chrono::milliseconds) = 0;
};

/// How a piece of code ended.
struct execute_result {
  bool ok = true;
  std::string ename, evalue;           ///< where not ok
  std::vector<std::string> traceback;  ///< empty: the one line "ename: evalue"
};

struct execute_request {
  std::string code;
  bool silent = false;
  int execution_count = 0;
};

struct comm_request {
  std::string_view type;  ///< comm_open, comm_msg, comm_close
  std::string_view content;
  std::span<const std::string_view> buffers;
};

/// All calls come from the shell thread, one at a time. Only the first two must be there; what the
/// others return by default says that there is nothing.
class interpreter {
public:
  virtual ~interpreter() = default;

  /// Members of kernel_info_reply, as a JSON object: implementation, implementation_version,
  /// banner, language_info. Called once, before anything else.
  virtual std::string kernel_info() const = 0;
  virtual execute_result execute(const execute_request&, execution&) = 0;

  virtual void comm(const comm_request&, execution&) {}
  // Members of the reply besides status, as a JSON object; is_complete's includes its status.
  virtual std::string complete(std::string_view code, std::size_t cursor_pos);
  virtual std::string inspect(std::string_view code, std::size_t cursor_pos);
  virtual std::string is_complete(std::string_view code);
  virtual std::string history();
  virtual std::string comm_info();
};

/// `text` in quotes, escaped; what is not UTF-8 in it becomes U+FFFD.
std::string quoted(std::string_view text);

}  // namespace kmux::child
