#pragma once
// Durations, counted by how long they were.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace kmux::daemon {

/// As Prometheus has it, but in plain integers: the loop's thread alone touches it.
class histogram {
public:
  using duration = std::chrono::steady_clock::duration;
  /// In seconds, inclusive; one for all, so that figures can be laid side by side.
  static constexpr std::array<double, 15> bounds = {
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

  void observe(duration d) {
    const double seconds = std::chrono::duration<double>(d).count();
    const auto* const at = std::lower_bound(bounds.begin(), bounds.end(), seconds);
    ++counts_[static_cast<std::size_t>(at - bounds.begin())];
    sum_ += seconds;
  }

  /// By bucket, each without the ones before it; the last is beyond all bounds.
  const std::array<std::uint64_t, bounds.size() + 1>& counts() const noexcept { return counts_; }
  double sum() const noexcept { return sum_; }  ///< seconds

private:
  std::array<std::uint64_t, bounds.size() + 1> counts_{};
  double sum_ = 0;
};

/// From what was asked for to what came of it.
class stopwatch {
public:
  using clock = std::chrono::steady_clock;

  bool running() const noexcept { return since_.has_value(); }
  /// Where it runs already, the earlier beginning counts.
  void start() {
    if (!since_) since_ = clock::now();
  }
  void reset() noexcept { since_.reset(); }
  void stop(histogram& into) {
    if (since_) into.observe(clock::now() - *since_);
    reset();
  }

private:
  std::optional<clock::time_point> since_;
};

}  // namespace kmux::daemon
