#pragma once
// "Was it the memory?" SIGKILL alone does not say.

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

namespace kmux {

/// Compares the out-of-memory kills counted where the process lives (memory.events of its cgroup
/// v2, else /proc/vmstat of the whole system) before and after. A value; no descriptors.
class oom_watch {
public:
  oom_watch() = default;
  /// Remembers the count as it is now.
  explicit oom_watch(pid_t);
  /// The same of a cgroup v2, a directory.
  static oom_watch of_cgroup(const std::string& directory);

  /// It has a count to compare with.
  bool begun() const noexcept { return before_.has_value(); }
  /// True if somebody there was killed for lack of memory since. False where it cannot be told.
  bool struck() const;

private:
  void begin();

  std::string file_;
  std::optional<std::uint64_t> before_;
};

}  // namespace kmux
