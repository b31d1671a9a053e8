#pragma once
// A Jupyter kernel around an interpreter of yours. docs/writing-a-kernel.md has a whole one.

#include <memory>
#include <string>

#include <kmux/child/interpreter.hpp>

namespace kmux::child {

/// The five channels and the two loops. The shell loop is the thread that calls run(), where the
/// interpreter is called; the control loop is a thread of its own, and answers whatever the
/// interpreter does.
///
/// A process has one, and makes it before it starts any other thread: SIGINT and SIGTERM are
/// blocked then, and taken by the control loop.
class kernel {
public:
  /// Binds what the connection file names; ports that are 0 are chosen, and written back into it.
  /// A registration file (JEP 66) is answered first, and becomes a connection file.
  /// `language` outlives the kernel. Throws std::runtime_error, for people.
  kernel(const std::string& connection_file, interpreter& language);
  ~kernel();
  kernel(const kernel&) = delete;
  kernel& operator=(const kernel&) = delete;

  /// Serves until stop(), a shutdown_request or SIGTERM. Once.
  void run();
  /// From any thread, any number of times. Returns when both loops have ended; called by the
  /// interpreter, which cannot wait for itself, it only asks.
  void stop();
  /// As SIGINT does: aims at the cell that runs now, if any.
  void interrupt() noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// What a kernel's main() does: `-f FILE`, `--f FILE` or `--f=FILE` names the connection file,
/// other arguments are left alone. Returns the exit code: 0, 1 for an error, 2 for wrong usage,
/// both told on stderr.
int run_kernel(int argc, char** argv, interpreter& language);

}  // namespace kmux::child
