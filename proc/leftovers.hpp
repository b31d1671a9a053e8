#pragma once
// What a kernel has started and left behind: found, and ended with it.

#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proc/process_identity.hpp"
#include "proc/process_table.hpp"

namespace kmux {

/// The environment variables that tell whose a process is. The directory tells apart the kernels of
/// two daemons that were given the same id.
inline constexpr std::string_view kernel_id_variable = "KERNEL_ID";
inline constexpr std::string_view kernel_directory_variable = "KMUX_KERNEL_DIR";

/// What a kernel's processes are known by.
struct kernel_mark {
  process_identity leader;  ///< of the session; pid -1: there has been none
  std::string id;           ///< empty: environments are not looked into
  std::string directory;    ///< RUNTIME/kernels/ID
  std::string cgroup;       ///< a directory, all of whose processes are the kernel's; empty: none
};

/// A kernel's processes but for the leader and the caller: the members of its session, those that
/// carry its id in their environment, those noted while the leader lived, and all descendants of
/// these. A child that left the session with an environment of its own, and whose parent is gone,
/// is known only by having been noted: kmux-child, to which it comes back, and a cgroup close that
/// gap. Nobody is signalled by a bare number: a pidfd is opened first, and the start time compared
/// then. One thread.
class leftovers {
public:
  using clock = std::chrono::steady_clock;
  static constexpr auto grace = std::chrono::milliseconds(500);  ///< from SIGTERM to SIGKILL
  /// Then what does not end (it waits for a disk, or is another user's) is let go.
  static constexpr auto patience = std::chrono::seconds(3);

  leftovers() = default;
  explicit leftovers(kernel_mark mark) : mark_(std::move(mark)) {}
  void set_mark(kernel_mark mark) { mark_ = std::move(mark); }
  const kernel_mark& mark() const noexcept { return mark_; }

  /// Remembers the leader's descendants as they are now.
  void note(const process_table&);
  /// The same of one that somebody else has seen.
  void note(pid_t pid, std::uint64_t start_ticks) {
    process_entry each;
    each.pid = pid;
    each.start_ticks = start_ticks;
    noted_.push_back(each);
  }
  const std::vector<process_entry>& noted() const noexcept { return noted_; }
  std::vector<process_entry> find(const process_table&) const;

  enum class progress { waiting, ended, given_up };
  /// Signals whom it is time for. `waiting`: to be called again after pause().
  progress end(const process_table&, clock::time_point now);
  /// Short at first: most end at once.
  clock::duration pause() noexcept;

private:
  void add_members(const process_table&, std::vector<process_entry>& to) const;
  bool is_marked(const process_entry&, const process_table&) const;
  void add_descendants(const process_table&, std::vector<process_entry>& to) const;

  kernel_mark mark_;
  std::vector<process_entry> noted_;
  std::set<std::pair<pid_t, std::uint64_t>> asked_;  ///< have had their SIGTERM
  clock::time_point begun_ = clock::time_point::max();
  clock::time_point killed_ = clock::time_point::max();  ///< the first SIGKILL
  clock::duration pause_ = std::chrono::milliseconds(2);
};

/// Ends all of them, waiting for it: for the relay, and for a daemon that begins.
void end_leftovers(std::vector<leftovers>);

}  // namespace kmux
