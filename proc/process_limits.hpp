#pragma once
// What a kernel's process may use: setrlimit(2) and its niceness.

#include <cstdint>

namespace kmux {

/// 0: as the daemon's own, but for `core`.
struct process_limits {
  std::uint64_t memory = 0;       ///< bytes of data (RLIMIT_DATA)
  std::uint64_t processes = 0;    ///< of the user, threads included (RLIMIT_NPROC)
  std::uint64_t cpu_seconds = 0;  ///< SIGXCPU then, SIGKILL a little later
  std::uint64_t files = 0;        ///< open at a time
  std::uint64_t file_size = 0;    ///< bytes; SIGXFSZ
  std::uint64_t core = 0;         ///< bytes of a core dump; 0: none
  int nice = 0;

  friend bool operator==(const process_limits&, const process_limits&) = default;
};

/// This process's and its future children's, but for the niceness. No limit rises above what the
/// system allows us already. Async-signal-safe. False, with errno, where one could not be set.
bool set_limits(const process_limits&) noexcept;
/// This process's niceness; what it is at least already stays.
bool set_nice(const process_limits&) noexcept;

}  // namespace kmux
