#pragma once
// What kmuxd tells kmux-child through the gate: one JSON object, then end of file.
//
// The gate is a pipe. The child is started as `kmux-child KIND --gate=FD --id=ID` with its
// reading end as descriptor FD (3), and reads until end of file before it does anything else. End
// of file after nothing means that the daemon is gone or thought better of it: the child exits with
// 0 and says nothing. kmuxd never blocks on the gate: the pipe has room for max_launch_spec_size
// bytes, and no spec is longer.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proc/process_limits.hpp"
#include "protocol/error.hpp"
#include "protocol/kernelspec.hpp"

namespace kmux {

/// A child's whole set-up as a value. All paths are absolute.
struct launch_spec {
  enum class kind {
    echo,
    relay,   ///< a Jupyter kernel, behind sockets of the child's own
    native,  ///< a kernel on kmux::child: the child becomes it (execve(2))
  };

  kind type = kind::relay;
  std::string kernel_id;
  std::string connection_file;  ///< written by kmuxd; the child binds what it says
  std::string cwd;              ///< empty: stay
  std::string stdio_log;        ///< where the process's own stdout and stderr go; empty: nowhere
  std::size_t stdio_limit = 1 << 20;  ///< bytes kept of it; at least 64 KiB
  process_limits limits;  ///< of the kernel's process; a relay takes only the niceness for itself
  std::string exit_file;  ///< the child writes its exit_status here as it ends (for an adopter)

  // relay and native
  std::vector<std::string> argv;  ///< the kernel's, templates resolved
  environment env;                ///< the kernel's, complete; a relay adds JPY_PARENT_PID
  /// The child runs as another user than the daemon: `env` goes over the one it was started with,
  /// `cwd` is looked for as that user (or the nearest directory above it), and a relay makes the
  /// place of its inner sockets itself.
  bool as_user = false;

  // relay only
  std::string kernel_connection_file;    ///< the inner one, for the kernel; written by the child
  std::string kernel_transport = "ipc";  ///< "ipc", or "tcp" for kernels that know nothing else
  std::string kernel_socket_prefix;      ///< ipc: the inner sockets are prefix-1 … prefix-5
  bool interrupt_by_message = false;     ///< the kernelspec's interrupt_mode is "message"
};

/// What an unprivileged pipe can be made to hold (fs.pipe-max-size, pipe(7)).
inline constexpr std::size_t max_launch_spec_size = 1 << 20;

/// "echo", "relay", "native"
std::string_view to_string(launch_spec::kind) noexcept;
std::optional<launch_spec::kind> parse_kind(std::string_view) noexcept;

std::string write_launch_spec(const launch_spec&);
result<launch_spec> parse_launch_spec(std::string_view json);

}  // namespace kmux
