#pragma once
// How much memory all clients together may take with what they send. Pure.

#include <cstddef>
#include <functional>
#include <set>
#include <utility>

namespace kmux::daemon {

/// Requests and messages are bounded each, but there may be thousands of them under way, and one
/// client can begin as many as it likes. So there is a bound on all of them together, and where it
/// is passed whoever holds most is dropped: what an ordinary client sends goes through beside any
/// number of greedy ones. Small amounts are not counted at all.
/// Outlives its shares. Loop thread only.
class receive_budget {
public:
  /// `most`: bytes, of all shares that are counted.
  explicit receive_budget(std::size_t most) : most_(most) {}

  void set_most(std::size_t bytes) noexcept { most_ = bytes; }
  std::size_t used() const noexcept { return used_; }

  /// One client's. Counts nothing any more when it is destroyed or was dropped.
  class share {
  public:
    static constexpr std::size_t free = 64 << 10;  ///< bytes that are not counted

    /// `drop` ends the receiving and gives its memory back; it may be called in anybody's hold().
    share(receive_budget& from, std::function<void()> drop) : from_(from), drop_(std::move(drop)) {}
    ~share() { release(); }
    share(const share&) = delete;
    share& operator=(const share&) = delete;

    /// It has so many bytes now. False: that is too much, of all it has most, and counts nothing
    /// now.
    bool hold(std::size_t bytes);
    void release() { hold(0); }

  private:
    friend receive_budget;
    receive_budget& from_;
    std::function<void()> drop_;
    std::size_t held_ = 0;  ///< 0, or more than `free`
  };

private:
  void count(share&, std::size_t bytes);

  std::size_t most_;
  std::size_t used_ = 0;
  std::set<std::pair<std::size_t, share*>> shares_;  ///< by what they hold
};

}  // namespace kmux::daemon
