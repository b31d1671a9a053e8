#pragma once
// Who started this process.

#include <cstdlib>
#include <string>
#include <unistd.h>

namespace kmux {

/// Whether systemd has executed this process itself (SYSTEMD_EXEC_PID, systemd.exec(5), from
/// version 248 on), and so not a shell whose variables were inherited. The same after an exec.
inline bool started_by_systemd() {
  const char* const pid = std::getenv("SYSTEMD_EXEC_PID");
  return pid != nullptr && pid == std::to_string(::getpid());
}

}  // namespace kmux
