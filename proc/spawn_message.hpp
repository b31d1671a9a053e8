#pragma once
// What kmuxd and kmux-spawn tell each other: one JSON object in each packet of a Unix socket
// (SOCK_SEQPACKET), descriptors beside it (SCM_RIGHTS, unix(7)). A connection is for one request.
//
//   start  with the gate's reading end: answered with the child's pidfd. The connection stays: its
//          second answer tells how the child has ended. Closing it ends nothing.
//   signal with a pidfd: sent as the user, so that nobody else's process can be hit.
//   end    what the kernel has started and left behind (leftovers.hpp), as the user; and its scope.
//   remove what is in a directory, as the user: what they have locked away from us.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "proc/exit_status.hpp"
#include "proc/launch_spec.hpp"
#include "proc/process_identity.hpp"
#include "protocol/error.hpp"

namespace kmux {

struct spawn_request {
  enum class kind { start, signal, end, remove };

  kind what = kind::start;
  std::string user;       ///< login name; whose the process is or becomes
  std::string kernel_id;  ///< start, end

  // start
  launch_spec::kind child = launch_spec::kind::relay;
  std::string stdio_log;  ///< appended to, as the user; empty: /dev/null
  std::string spec_dir;   ///< the kernelspec's; empty: one that is built in
  environment env;        ///< beside the login's own
  std::uint64_t memory = 0, processes = 0;
  unsigned cpus = 0;  ///< of its scope, as cgroup_limits; 0: no limit

  // signal
  int signal = 0;
  bool group = false;  ///< to every member of the process's group

  // end
  process_identity leader;
  std::string directory;  ///< RUNTIME/kernels/ID; remove: the one to empty
  /// pid and start ticks of its descendants, seen while the leader lived
  std::vector<std::pair<pid_t, std::uint64_t>> noted;

  friend bool operator==(const spawn_request&, const spawn_request&) = default;
};

struct spawn_answer {
  /// ok; not_found: the process has ended; refused: not allowed; io: could not.
  errc code = errc::ok;
  std::string detail;        ///< of an error, for people
  process_identity process;  ///< start
  std::string cgroup;        ///< start: the scope's directory; empty: none
  std::optional<exit_status> exit;
  bool out_of_memory = false;  ///< exit: somebody in the scope was killed for want of memory

  friend bool operator==(const spawn_answer&, const spawn_answer&) = default;
};

/// Longer packets are refused.
inline constexpr std::size_t max_spawn_message = 128 << 10;

std::string write_spawn_request(const spawn_request&);
result<spawn_request> parse_spawn_request(std::string_view json);
std::string write_spawn_answer(const spawn_answer&);
result<spawn_answer> parse_spawn_answer(std::string_view json);

}  // namespace kmux
