#pragma once
// How a kernel is made to end: ask, insist, kill.

#include <chrono>

namespace kmux::supervise {

/// Pure: the owner does what is returned and calls on_timer() at deadline(). Signals go to the
/// group.
///
///   state       | start             | start now   | hurry    | timer            | exited
///   ------------+-------------------+-------------+----------+------------------+--------
///   idle        | can ask: ask      | SIGKILL     | –        | –                | –
///               |   → asked         |   → killing |          |                  |
///               | cannot: SIGTERM   |             |          |                  |
///               |   → terminating   |             |          |                  |
///   asked       | –                 | as hurry    | SIGKILL  | SIGTERM          | → ended
///               |                   |             | →killing | → terminating    |
///   terminating | –                 | as hurry    | SIGKILL  | SIGKILL →killing | → ended
///   killing     | –                 | –           | –        | –                | → ended
///   ended       | as idle           | as idle     | –        | –                | –
///   ("–" ignored; a timer before its time does nothing)
class stop_ladder {
public:
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;
  struct settings {
    duration message = std::chrono::milliseconds(2500);  ///< from the message to SIGTERM
    duration term = std::chrono::milliseconds(2500);     ///< from SIGTERM to SIGKILL
  };
  enum class state { idle, asked, terminating, killing, ended };
  enum class action { none, ask, sigterm, sigkill };

  stop_ladder() = default;
  explicit stop_ladder(settings s) : settings_(s) {}

  /// `can_ask`: the control channel is connected. `at_once`: straight to SIGKILL.
  action start(clock::time_point now, bool can_ask, bool at_once = false);
  action hurry();
  action on_timer(clock::time_point now);
  void on_exited();

  bool running() const noexcept { return state_ != state::idle && state_ != state::ended; }
  state now() const noexcept { return state_; }
  clock::time_point deadline() const noexcept { return deadline_; }

private:
  action kill();

  settings settings_;
  state state_ = state::idle;
  clock::time_point deadline_ = clock::time_point::max();
};

}  // namespace kmux::supervise
