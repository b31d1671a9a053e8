#pragma once
// When to end a kernel that nobody uses, or that is too old.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kmux::supervise {

struct cull_limits {
  std::chrono::milliseconds idle_timeout{0};  ///< 0: never
  std::chrono::milliseconds max_age{0};       ///< 0: never
};

/// Other limits for some kernels. An empty name is anybody's.
struct cull_rule {
  std::string kernelspec, owner;
  std::optional<std::chrono::milliseconds> idle_timeout, max_age;
};

/// Each limit from the most specific rule that has it: of owner and kernelspec, of the owner, of
/// the kernelspec, else `all`; of equals the last. Kernelspecs' names are the same in any case.
cull_limits limits_for(const cull_limits& all, const std::vector<cull_rule>&,
                       std::string_view kernelspec, std::string_view owner);

/// Pure; one for each kernel. It counts how long the kernel was idle and how old it is, by looks on
/// a clock that is never set. What passed between two looks counts in full, but for a step of more
/// than three intervals, which counts as one: the machine slept, or the daemon was stopped, and
/// nobody could have used the kernel.
///
///   seen at a look                     | idle time   | what
///   -----------------------------------+-------------+---------------------------------------
///   active since the last one          | 0           | as below, for its age
///   busy or connected, and so excepted | 0           | none; a warning is taken back
///   unknown: adopted, not answered yet | stands still| none
///   else                               | counts      | more than `warning` left: none
///                                      |             | less: warn, once
///                                      |             | nothing left, warned that long ago: end
///
/// With dry_run there is no warning, and would_end, once, instead of end.
class culling {
public:
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;
  struct settings {
    cull_limits limits;
    duration interval = std::chrono::minutes(1);
    duration warning = std::chrono::minutes(1);
    bool busy = false;       ///< busy ones, too
    bool connected = false;  ///< those with clients, too
    bool dry_run = false;
  };
  struct seen {
    bool active = false;  ///< something was asked or said since the last look
    bool busy = false;
    bool connected = false;
    bool unknown = false;  ///< whether it is busy
  };
  enum class action { none, warn, would_end, end };
  enum class cause { idle, age };
  /// What the next daemon goes on from.
  struct counted {
    duration idle{0}, age{0};
  };

  explicit culling(clock::time_point now) : last_(now) {}
  culling(clock::time_point now, const counted& so_far) : last_(now), counted_(so_far) {}

  action look(const settings&, const seen&, clock::time_point now);

  /// After warn: how long until the end, if nothing changes.
  duration left() const noexcept { return left_; }
  /// Of the last action.
  cause why() const noexcept { return why_; }
  /// From the last look to the next, at the most.
  duration next() const noexcept { return next_; }
  const counted& so_far() const noexcept { return counted_; }
  /// At the last look: how long until a limit is reached, which why() names; nothing where none
  /// holds for it. A warning may come on top.
  std::optional<duration> due() const noexcept {
    if (remaining_ == duration::max()) return std::nullopt;
    return remaining_;
  }

private:
  void count(const settings&, const seen&, bool excepted, duration step);
  action judge(const settings&, duration step);
  void find_end(const settings&);

  clock::time_point last_;
  counted counted_;
  duration remaining_ =
      duration::max();  ///< until a limit is reached; duration::max(): there is none
  duration limit_{0};   ///< that one
  duration left_{0};
  duration next_{0};
  cause why_ = cause::idle;
  bool warned_ = false;
  bool said_ = false;  ///< would_end
};

}  // namespace kmux::supervise
