#pragma once
// Which process is meant: a pid alone is reused by the system.

#include <cstdint>
#include <string>
#include <sys/types.h>

#include "protocol/error.hpp"

namespace kmux {

/// pid, start time in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)) and the boot
/// (/proc/sys/kernel/random/boot_id). Two processes never share all three.
struct process_identity {
  pid_t pid = -1;
  std::uint64_t start_ticks = 0;
  std::string boot_id;

  friend bool operator==(const process_identity&, const process_identity&) = default;
};

/// errc::not_found if there is no such process; another error if that cannot be told.
result<process_identity> identify(pid_t);

/// This boot's id; empty if /proc does not tell.
std::string current_boot_id();

}  // namespace kmux
