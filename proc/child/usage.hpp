#pragma once
// What a kernel's processes use of the machine.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "proc/child/request_queue.hpp"

namespace kmux::child {

/// The content of a usage_reply, as ipykernel answers it (the request is not in Jupyter's
/// specification; jupyter-resource-usage asks it), and what is ours under "kmux". Percentages count
/// from the call before, and are left out, or 0, at the first. One thread; reads /proc.
class usage {
public:
  std::string reply(const queue_times& requests, std::chrono::nanoseconds control_lag);

private:
  struct times {
    std::uint64_t busy = 0, total = 0;
  };
  static times host_times();

  times host_before_;
  std::uint64_t processes_before_ = 0;  ///< clock ticks of our processes
};

}  // namespace kmux::child
