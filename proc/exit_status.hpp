#pragma once
// How a process ended; the bits of wait(2) stay inside.

#include <signal.h>
#include <string>
#include <string_view>

#include "protocol/error.hpp"

namespace kmux {

struct exit_status {
  enum class cause { unknown, exited, signaled, out_of_memory, launch_failed };

  cause how = cause::unknown;  ///< unknown: the process was not our child and left no note
  int code = 0;                ///< exited: 0–255
  int signal = 0;              ///< signaled, out_of_memory
  std::string detail;          ///< launch_failed: what could not be done, for people;
                               ///< out_of_memory: the limit, where it was the kernel's own

  bool clean() const noexcept { return how == cause::exited && code == 0; }
  friend bool operator==(const exit_status&, const exit_status&) = default;
};

std::string_view to_string(
    exit_status::cause) noexcept;  ///< "exited", "signaled", "out_of_memory", …

/// From waitid(2)'s siginfo (CLD_EXITED, CLD_KILLED, CLD_DUMPED).
exit_status exit_status_from(const siginfo_t&) noexcept;

/// For people: "exited with code 3", "killed by SIGSEGV", "out of memory (SIGKILL)",
/// "killed: out of memory (limit 512MiB)".
std::string describe(const exit_status&);

std::string write_exit_status(const exit_status&);  ///< {"cause","code","signal","detail"}
result<exit_status> parse_exit_status(std::string_view json);

}  // namespace kmux
