#pragma once
// All processes of the system, as /proc shows them at one moment.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unordered_map>
#include <vector>

namespace kmux {

/// A line of proc(5)'s stat.
struct process_entry {
  pid_t pid = -1;
  pid_t parent = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t cpu_ticks = 0;       ///< user and system time
  std::uint64_t resident_pages = 0;  ///< what is shared counts in full
  char state = '?';
  bool ended = false;  ///< a zombie, all of whose threads have ended

  /// The same process, whatever has become of it.
  bool is(const process_entry& other) const noexcept {
    return pid == other.pid && start_ticks == other.start_ticks;
  }
};

/// Nothing if that is no such line.
std::optional<process_entry> parse_stat(std::string_view line);
/// Nothing if there is no such process.
std::optional<process_entry> read_process(pid_t);

/// A value. What it says may be old already: who signals must look again (leftovers).
class process_table {
public:
  static process_table read();

  const std::vector<process_entry>& all() const noexcept { return entries_; }
  /// nullptr: there is none.
  const process_entry* find(pid_t) const noexcept;
  /// Those whose parent it is.
  std::vector<const process_entry*> children(pid_t) const;

private:
  void add(const process_entry&);

  std::vector<process_entry> entries_;
  std::unordered_map<pid_t, std::size_t> by_pid_;
  std::unordered_multimap<pid_t, std::size_t> by_parent_;
};

/// NAME's value in the environment that the process was started with; nothing if it has none, has
/// ended, or may not be looked into.
std::optional<std::string> variable_of(pid_t, std::string_view name);

}  // namespace kmux
