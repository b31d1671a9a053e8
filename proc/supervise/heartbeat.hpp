#pragma once
// Does the kernel's control loop answer? Advice for people: death comes only from the pidfd.

#include <chrono>
#include <string_view>

namespace kmux::supervise {

/// Pure: the owner sends a ping when told to, tells what came, and calls on_timer() at deadline().
/// While a ping is unanswered no other is sent (they would queue up in a stopped process), except
/// that a silent kernel is asked again each `silent_after`, in case the ping itself was lost.
///
///   state      | start              | answered                 | timer (at deadline)
///   -----------+--------------------+--------------------------+----------------------------------
///   idle       | ping; responsive   | –                        | –
///   responsive | ping; responsive   | next ping in interval    | nothing asked: ping
///              |                    |                          | asked: → late
///   late       | ping; responsive   | → responsive             | → silent, ping
///   silent     | ping; responsive   | → responsive             | ping
///   any        | stop() → idle
///   ("–" ignored; a timer before its time does nothing)
class heartbeat {
public:
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;
  struct settings {
    duration interval = std::chrono::seconds(10);      ///< from an answer to the next ping
    duration late_after = std::chrono::seconds(2);     ///< since the ping
    duration silent_after = std::chrono::seconds(20);  ///< since the ping; more than late_after
  };
  enum class state { idle, responsive, late, silent };
  enum class action { none, ping };

  heartbeat() = default;
  explicit heartbeat(settings s) : settings_(s) {}

  action start(clock::time_point now);
  void stop();
  action on_answer(clock::time_point now);
  action on_timer(clock::time_point now);

  state now() const noexcept { return state_; }
  /// When to call on_timer; time_point::max() when idle.
  clock::time_point deadline() const noexcept { return deadline_; }

private:
  action ping(clock::time_point now);

  settings settings_;
  state state_ = state::idle;
  bool asked_ = false;
  clock::time_point sent_;
  clock::time_point deadline_ = clock::time_point::max();
};

std::string_view to_string(heartbeat::state) noexcept;  ///< "idle", "responsive", "late", "silent"

}  // namespace kmux::supervise
