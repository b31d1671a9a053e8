#pragma once
// After a death: when to try again, and when to give up.

#include <chrono>
#include <optional>

namespace kmux::supervise {

/// Pure. A life counts as stable once the kernel has been ready for `stable_for`; each death before
/// that doubles the delay, and more than `limit` of them in a row are a crash loop.
///
///   state             | ready        | death                              | reset
///   ------------------+--------------+------------------------------------+------------
///   not ready, n      | → ready, n   | disabled or n = limit: give up     | not ready, 0
///                     |              | else wait first·2ⁿ; → not ready,n+1|
///   ready since t, n  | –            | now − t ≥ stable_for: n becomes 0; | → not ready, 0
///                     |              | then as above                      |
class restart_policy {
public:
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;
  struct settings {
    bool enabled = true;
    int limit = 5;
    duration first = std::chrono::milliseconds(100);
    duration longest = std::chrono::seconds(30);
    duration stable_for = std::chrono::seconds(10);
  };

  restart_policy() = default;
  explicit restart_policy(settings s) : settings_(s) {}

  void on_ready(clock::time_point now);
  /// How long to wait before the next launch; nullopt: give up.
  std::optional<duration> on_death(clock::time_point now);
  /// A person asked for a restart, or the end was wanted.
  void reset() noexcept;

  bool enabled() const noexcept { return settings_.enabled; }
  int failures() const noexcept { return failures_; }

private:
  settings settings_;
  int failures_ = 0;
  std::optional<clock::time_point> ready_since_;
};

}  // namespace kmux::supervise
