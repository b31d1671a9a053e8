#pragma once
// What this process itself takes, getrusage(2) and proc(5).

#include <cstdint>

namespace kmux::daemon {

struct process_usage {
  double cpu_seconds = 0;  ///< user and system, all threads
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;
  std::uint64_t max_files = 0;  ///< descriptors that it may have
};

/// Now. Takes some microseconds, waits for no disk.
process_usage own_usage();

}  // namespace kmux::daemon
