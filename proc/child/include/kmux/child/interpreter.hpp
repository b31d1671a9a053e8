#pragma once
// What a language brings to a kernel: implement `interpreter`, and kernel does the rest.
// The messages are Jupyter's: https://jupyter-client.readthedocs.io/en/stable/messaging.html

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kmux::child {

/// How a piece of code ended.
struct execute_result {
  bool ok = true;
  std::string ename, evalue;            ///< where not ok
  std::vector<std::string> traceback;   ///< empty: the one line "ename: evalue"
  bool published = false;               ///< the error message is out already
  std::string payload = "[]";           ///< JSON
  std::string user_expressions = "{}";  ///< JSON
  int execution_count = 0;              ///< for the reply; 0: the one that it was asked with
};

/// What running code may do to the world. Belongs to one request, whose output finds its cell by
/// it; that may outlive the request. Any thread, where nothing else is said.
class execution {
public:
  virtual ~execution() = default;

  /// An iopub message of any type; `content` and `metadata` are JSON objects. Waits where the world
  /// does not take what was said before.
  virtual void publish(std::string_view type, std::string_view content,
                       std::string_view metadata = "{}",
                       std::span<const std::string_view> buffers = {}) = 0;
  /// Text of "stdout" or "stderr". What comes in quick succession goes out in one message.
  virtual void stream(std::string_view name, std::string_view text) = 0;
  /// What the code shows: text/plain, or another MIME type of text.
  void display(std::string_view text, std::string_view mime = "text/plain");
  /// What the cell's last expression is worth, as text/plain. At most once a cell.
  void result(std::string_view text, int execution_count);

  /// Asks the client. nullopt: it may not be asked, or the wait was interrupted. The request's
  /// thread.
  virtual std::optional<std::string> input(std::string_view prompt, bool password) = 0;

  /// True since the interrupt that was aimed at this request.
  virtual bool interrupted() const = 0;
  /// Sleeps; false as soon as it is interrupted, or the kernel stops. The request's thread.
  virtual bool sleep(std::chrono::milliseconds) = 0;

  /// Ends what interpreter::start() began; once, on the shell loop's thread.
  virtual void finish(const execute_result&) = 0;
};

struct execute_request {
  std::string code;
  bool silent = false;
  bool store_history = true;
  bool allow_stdin = false;
  bool stop_on_error = true;
  bool has_user_expressions = false;  ///< `content` has some
  int execution_count = 0;
  std::string_view content, metadata;  ///< the whole of them, JSON; valid during the call
};

struct comm_request {
  std::string_view type;  ///< comm_open, comm_msg, comm_close
  std::string_view content, metadata;
  std::span<const std::string_view> buffers;
};

/// A question about code. `content` is the whole of it, JSON.
struct code_query {
  std::string_view code;
  std::size_t cursor_pos = 0;  ///< in code points
  std::string_view content;
};

class shell;

/// All calls come from the shell loop's thread, one at a time, where nothing else is said. Only the
/// first two must be there; what the others return by default says that there is nothing.
class interpreter {
public:
  virtual ~interpreter() = default;

  /// Members of kernel_info_reply, as a JSON object: implementation, implementation_version,
  /// banner, language_info. Called once, before anything else.
  virtual std::string kernel_info() const = 0;
  virtual execute_result execute(const execute_request&, execution&) = 0;

  /// Output that belongs to the message may come later, too: keep `world` for that.
  virtual void comm(const comm_request&, const std::shared_ptr<execution>& /*world*/) {}
  // Members of the reply besides status, as a JSON object; is_complete's includes its status.
  virtual std::string complete(const code_query&);
  virtual std::string inspect(const code_query&);
  virtual std::string is_complete(std::string_view code);
  virtual std::string history(std::string_view content);
  virtual std::string comm_info(std::string_view content);

  /// For languages that await: the code may go on after this has returned, until finish(). Other
  /// requests than cells are served meanwhile.
  virtual void start(const execute_request& request, std::shared_ptr<execution> world) {
    world->finish(execute(request, *world));
  }
  /// The number of the cell that is about to run. Counts those that go into the history.
  virtual int count_cell(bool stored);

  /// True: the three questions about code may come from another thread while a cell blocks this
  /// one. Without it, they are answered with nothing then: no client waits for a cell to end.
  virtual bool answers_from_any_thread() const { return false; }
  /// debug_request's content to debug_reply's (the Debug Adapter Protocol), on a thread of its own.
  virtual bool has_debugger() const { return false; }
  virtual std::string debug(std::string_view /*content*/, execution&) { return "{}"; }

  /// stack_reply's members besides status, as a JSON object: "threads", a list of {"id", "name",
  /// "frames": [{"file", "line", "function"}]}, the innermost frame last. On a thread of its own,
  /// while code runs.
  virtual bool tells_stacks() const { return false; }
  virtual std::string stacks() { return R"({"threads": []})"; }

  /// Subshells (JEP 91): each has a thread, which calls run_subshell(); everything above then comes
  /// from several threads.
  virtual bool has_subshells() const { return false; }
  virtual void run_subshell(shell&);

  /// The control loop's thread, and must not wait: an interrupt was asked for, by a message or by a
  /// signal (which reaches everybody by itself). execution::interrupted() of what runs is true.
  virtual void interrupt(shell&, bool /*by_message*/) {}
  /// The control loop's thread: the kernel was told to stop, and a second later it still runs.
  /// Where may_abandon() says so, what was said is sent, and abandon() ends the process.
  virtual bool may_abandon() { return false; }
  virtual void abandon() {}

private:
  std::atomic<int> count_{0};
};

/// A shell loop, for languages whose thread runs a loop of its own.
class shell {
public:
  virtual ~shell() = default;

  /// Serves until the end. What run_subshell() does by default.
  virtual void run() = 0;
  /// Serves at most one request; false where there is none to serve now.
  virtual bool turn() = 0;
  /// Readable while turn() may have something to do, and at the end.
  virtual int fd() const noexcept = 0;
  virtual bool stopped() const noexcept = 0;
  /// "" is the kernel's own shell.
  virtual const std::string& id() const noexcept = 0;

  /// What runs now, as a number that is never used again and grows; 0: nothing. latest() is the
  /// last number given. An interrupt hits what runs with a number up to the latest() of the moment
  /// it was asked for, and so never what began after it. Any thread, and async-signal-safe.
  virtual std::uint64_t running() const noexcept = 0;
  virtual std::uint64_t latest() const noexcept = 0;
};

/// `text` in quotes, escaped; what is not UTF-8 in it becomes U+FFFD.
std::string quoted(std::string_view text);

}  // namespace kmux::child
