#pragma once
// What a process that does not answer is doing, as far as the system tells.

#include <string>
#include <sys/types.h>

namespace kmux {

/// Of proc(5). What may not be read is empty: `stack` is root's, `syscall` and `wchan` need leave
/// to trace.
struct process_doing {
  pid_t pid = -1;
  char state = '?';     ///< R runs, S sleeps, D waits for a device, T is stopped, Z has ended
  std::string wchan;    ///< the kernel function that it waits in
  std::string syscall;  ///< "running", or the system call's number
  std::string stack;    ///< of the kernel's functions, a line each

  /// For a line of the log: "pid 12, state D, in nfs_wait, system call 0".
  std::string describe() const;
};

/// Its main thread. pid -1: it is not there.
process_doing look_at(pid_t);
/// The process's first child that still lives, which is a relay's kernel; -1: none.
pid_t first_child_of(pid_t);

}  // namespace kmux
