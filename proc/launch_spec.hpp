#pragma once
// What kmuxd tells kmux-child through the gate: one JSON object, then end of file.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/kernelspec.hpp"

namespace kmux {

/// A child's whole set-up as a value. All paths are absolute.
struct launch_spec {
  enum class kind { echo, relay };

  kind type = kind::relay;
  std::string kernel_id;
  std::string connection_file;  ///< written by kmuxd; the child binds what it says
  std::string cwd;              ///< empty: stay
  std::string stdio_log;        ///< where the process's own stdout and stderr go; empty: nowhere
  std::size_t stdio_limit = 1 << 20;  ///< bytes kept of it; at least 64 KiB
  std::string exit_file;        ///< the child writes its exit_status here as it ends (for an adopter)

  // relay only
  std::vector<std::string> argv;       ///< the kernel's, templates resolved
  environment env;                     ///< the kernel's, complete; JPY_PARENT_PID is added by the child
  std::string kernel_connection_file;  ///< the inner one, for the kernel; written by the child
  std::string kernel_transport = "ipc";  ///< "ipc", or "tcp" for kernels that know nothing else
  std::string kernel_socket_prefix;    ///< ipc: the inner sockets are prefix-1 … prefix-5
  bool interrupt_by_message = false;   ///< the kernelspec's interrupt_mode is "message"
};

std::string write_launch_spec(const launch_spec&);
result<launch_spec> parse_launch_spec(std::string_view json);

}  // namespace kmux
