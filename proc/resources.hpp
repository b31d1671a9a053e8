#pragma once
// What a kernel's processes may use and do use, as proc(5) and cgroups tell.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proc/process_identity.hpp"
#include "proc/process_table.hpp"

namespace kmux {

/// A process and its descendants; empty: there is none. Of a snapshot, where it is about many.
std::vector<process_entry> tree_of(pid_t, const process_table&);
/// The same of one, looking at no other process of the system: a thousand descendants at the most.
std::vector<process_entry> tree_of(pid_t);

/// Of processes, as long as they live.
struct process_usage {
  std::size_t processes = 0;
  double cpu_seconds = 0;
  std::uint64_t memory = 0;  ///< bytes; resident; what is shared counts in full
};
process_usage usage_of(const std::vector<process_entry>&);

/// The soft limits in /proc/PID/limits, by the names of the options kernels.limit_…; those that
/// are not there are unlimited.
std::map<std::string, std::uint64_t> parse_limits(std::string_view text);

/// Where to look.
struct resource_places {
  process_identity leader;  ///< pid -1: there is no process
  bool relayed = false;     ///< its first child is the kernel, whose limits count
  std::string cgroup;       ///< a directory; empty: none
  std::vector<std::string> directories;
};

/// The members `limits` and `usage` of a kernel's model. Blocks: reads /proc, and what is in the
/// directories, links not followed; of who has filled them with more than 100,000 files, so many.
/// `descriptors` is null where a process may not be looked into, as are limits that are none.
std::string resources_json(const resource_places&);

}  // namespace kmux
