#pragma once
// The ordinary kernel that a relay starts.

#include <sys/types.h>

#include "proc/exit_status.hpp"
#include "proc/launch_spec.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::child {

/// A child process of ours; dies with us (PR_SET_PDEATHSIG), whatever ends us.
class kernel_process {
public:
  /// Starts it: same session and group, no signal blocked or ignored, stdin /dev/null, stdout and
  /// stderr into a pipe. To be called before there is a second thread, from the thread that lives
  /// as long as the process. The error names the program and the reason.
  static result<kernel_process> start(const launch_spec&);

  int pidfd() const noexcept { return pidfd_.get(); }    ///< readable once it has ended
  int output() const noexcept { return output_.get(); }  ///< what it prints; does not block
  void signal(int) noexcept;                             ///< harmless once it has ended
  /// Waits for its end and reaps it.
  exit_status wait();
  /// Reaps what came to us, a subreaper, and has ended; the kernel is left for wait().
  void reap_others() noexcept;

private:
  unique_fd pidfd_, output_;
  pid_t pid_ = -1;
};

}  // namespace kmux::child
