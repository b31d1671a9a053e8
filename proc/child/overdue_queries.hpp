#pragma once
// Questions about code that a blocked shell loop does not get to.

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "proc/child/helper_thread.hpp"
#include "proc/child/sender.hpp"
#include "proc/child/shell_loop.hpp"

namespace kmux::child {

/// A completion that comes after the cell has ended helps nobody. What has waited for
/// `shell_patience` (something else blocks its loop) is answered by a thread of its own where
/// the language can do that, and with nothing where it cannot, or does not in `helper_patience`.
///
/// Owned by the control loop; its thread only.
class overdue_queries {
public:
  using clock = request_queue::clock;
  static constexpr auto shell_patience = std::chrono::milliseconds(150);
  /// A language may load what it completes with at the first question: half a second of Python's.
  static constexpr auto helper_patience = std::chrono::milliseconds(2000);

  /// `late` answers with nothing; on the control loop's thread.
  overdue_queries(interpreter& language, sender& out, std::function<void(const request&)> late)
      : language_(language), out_(out), late_(std::move(late)) {}

  /// To be called each turn, for each loop. Returns when it wants to be called again.
  clock::time_point look(shell_loop&, clock::time_point now);
  clock::time_point end_late(clock::time_point now);

  void stop() { helper_.stop(); }
  void join() { helper_.join(); }

private:
  struct query {
    std::shared_ptr<const request> asked;
    clock::time_point deadline;
    std::atomic<bool> answered{false};
  };

  interpreter& language_;
  sender& out_;
  std::function<void(const request&)> late_;
  std::deque<std::shared_ptr<query>> open_;  ///< by deadline
  helper_thread helper_;
};

}  // namespace kmux::child
