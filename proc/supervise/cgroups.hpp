#pragma once
// A cgroup (v2) for each kernel, where the system has given the daemon a place to make them.

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "protocol/error.hpp"

namespace kmux::supervise {

/// 0: no limit.
struct cgroup_limits {
  std::uint64_t memory = 0;  ///< bytes
  std::uint64_t processes = 0;
  unsigned cpus = 0;  ///< thousandths of a processor
};

/// PLACE/kmux-ID holds a kernel, and PLACE/kmuxd the daemon: a cgroup with processes of its own
/// cannot limit those below it. A value; what it names is the system's.
class cgroups {
public:
  /// None: kernels have no cgroup of their own.
  cgroups() = default;
  /// `place` is "auto" (the daemon's own cgroup), "off" or a path. The error says why not, and what
  /// to do.
  static result<cgroups> open(const std::string& place);
  /// A directory that is known to be a cgroup. `move`: this process is in it, and must leave.
  static result<cgroups> divide(const std::string& directory, bool move);
  /// The same, but this process stays, and so nothing can be limited there.
  static result<cgroups> share(const std::string& directory);

  bool on() const noexcept { return !place_.empty(); }
  const std::string& place() const noexcept { return place_; }
  /// Of memory, pids and cpu: those that cannot be limited here.
  const std::vector<std::string>& missing() const noexcept { return missing_; }

  /// The kernel's cgroup, new where that can be; its path.
  result<std::string> create(std::string_view id, const cgroup_limits&) const;
  static result<void> add(const std::string& path, pid_t);
  /// What it may use of memory; 0: there is no limit.
  static std::uint64_t memory_limit(const std::string& path);
  /// Whether the process is in it: asks the system, not us.
  static bool contains(const std::string& path, pid_t);
  /// Whether a path can be that kernel's: nothing else is ever killed or removed.
  static bool is_of(const std::string& path, std::string_view id);
  /// With those that the kernel has made in it; absent is fine.
  static result<void> remove(const std::string& path);

private:
  static result<cgroups> check(const std::string& directory);

  std::string place_;
  std::vector<std::string> missing_;
};

}  // namespace kmux::supervise
