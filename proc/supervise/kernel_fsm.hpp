#pragma once
// The life of one kernel, without its sockets, processes and clocks.

#include <chrono>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proc/exit_status.hpp"
#include "proc/supervise/restart_policy.hpp"
#include "proc/supervise/stop_ladder.hpp"

namespace kmux::supervise {

/// What happened.
namespace kernel_event {
/// First launch.
struct start {};
/// A process of an earlier daemon was verified.
struct adopted {};
/// Answers action launch: a process lives.
struct launched {};
/// Answers action launch: no process lives.
struct launch_failed {
  exit_status status;
};
/// The nudge has finished.
struct connected {};
/// The process has ended. Once for each launched or adopted.
struct exited {
  exit_status status;
};
/// `now`: SIGKILL without asking.
struct user_restart {
  bool now = false;
  /// Nobody asked: its heart has stopped. Clients are told as of a death.
  bool silent = false;
};
struct user_stop {
  bool now = false;
};
/// A client sent shutdown_request by itself.
struct shutdown_asked {
  bool restart = false;
};
/// The armed time has come.
struct timer {};
}  // namespace kernel_event

using kernel_event_t =
    std::variant<kernel_event::start, kernel_event::adopted, kernel_event::launched,
                 kernel_event::launch_failed, kernel_event::connected, kernel_event::exited,
                 kernel_event::user_restart, kernel_event::user_stop, kernel_event::shutdown_asked,
                 kernel_event::timer>;

enum class user_request { restart, stop };

/// What to do, in the order given.
namespace kernel_action {
/// Answer with launched or launch_failed, once; not from inside the loop over these actions.
struct launch {};
/// Attach to the process's channels and nudge; answer with connected.
struct connect {};
struct disconnect {};
/// shutdown_request on control.
struct ask_shutdown {
  bool restart;
};
struct signal_group {
  int sig;
};
/// One timer; replaces the armed one.
struct arm_timer {
  std::chrono::steady_clock::time_point at;
};
struct cancel_timer {};
/// To clients. A restart that somebody asked for is told as `starting`: to a Jupyter client,
/// `restarting` means that the kernel died and was started again, and JupyterLab says so in a
/// dialog.
struct announce {
  enum class state { starting, restarting, dead } told;
  std::string reason;
};
/// To everyone who waits for this kind of request: `ok`, or failed for `reason`.
struct complete {
  user_request what;
  bool ok;
  std::string reason;
};
/// Nothing is left to supervise: the kernel leaves the list, its sockets are closed.
struct forget {};
}  // namespace kernel_action

using kernel_action_t =
    std::variant<kernel_action::launch, kernel_action::connect, kernel_action::disconnect,
                 kernel_action::ask_shutdown, kernel_action::signal_group, kernel_action::arm_timer,
                 kernel_action::cancel_timer, kernel_action::announce, kernel_action::complete,
                 kernel_action::forget>;

/// Pure; owns its stop ladder and restart policy. At most one process at a time: `launch` is only
/// said when none lives and none is being launched. Id, key and endpoints are the shell's and stay
/// over a restart. What cannot be launched at all is not tried again by itself. The end that a user
/// asked for is not announced as a death.
///
///   state      | event → what
///   -----------+------------------------------------------------------------------------------
///   dead       | start: launch → launching      adopted: connect → connecting
///   (and at    | user_restart: reset the policy, announce starting, launch → launching
///    first)    | user_stop: GONE
///              | launched launch_failed connected exited shutdown_asked timer: –
///   launching  | launched: connect → connecting (for connect_within at most)
///              | launch_failed: DEAD
///              | user_restart: completes with this launch     user_stop: → stopping
///              | start adopted connected exited shutdown_asked timer: –
///   connecting | connected: complete restart → ready
///              | timer: disconnect, SIGKILL → stopping, for DEAD     exited: DEATH
///              | user_restart: collapses with one under way, else announce, ladder → restarting
///              | user_stop: ladder → stopping        shutdown_asked: noted
///              | start adopted launched launch_failed: –
///   ready      | exited: DEATH        shutdown_asked: noted
///              | user_restart: announce, ladder → restarting      user_stop: ladder → stopping
///              | start adopted launched launch_failed connected timer: –
///   stopping   | exited launch_failed: GONE, or DEAD after connect_within
///              | launched: ladder (no asking)      timer: next rung
///              | user_stop: for GONE; at once: SIGKILL
///              | user_restart: fails if it is for GONE; else announce → restarting
///              | start adopted connected shutdown_asked: –
///   restarting | process lives: exited: disconnect, launch → launching    timer: next rung
///              |   user_restart: collapses; at once: SIGKILL
///              |   user_stop: the ladder goes on → stopping
///              | back-off: timer: launch → launching
///              |   user_restart: reset the policy, launch → launching     user_stop: GONE
///              | start adopted launched launch_failed connected shutdown_asked: –
///   gone       | user_restart: fails    user_stop: complete stop    all others: –
///
///   DEATH: disconnect, then
///     shutdown_asked{restart=false} not long ago: announce dead, GONE
///     shutdown_asked{restart=true}  not long ago: announce starting, launch → launching
///     the cause is launch_failed, or the policy gives up: DEAD
///     else: announce restarting, wait for the back-off → restarting
///   DEAD: disconnect, announce dead, fail restart → dead
///   GONE: disconnect, fail restart, complete stop, forget → gone
///   Only waited-for requests are completed. "–" is ignored, as is a timer before its time.
class kernel_fsm {
public:
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;
  using actions = std::vector<kernel_action_t>;
  struct settings {
    stop_ladder::settings stop;
    restart_policy::settings restart;
    /// From launched to connected; does not bind adopted kernels, which may be busy for hours.
    duration connect_within = std::chrono::seconds(60);
    /// How long after a client's shutdown_request an exit counts as its consequence.
    duration shutdown_within = std::chrono::seconds(60);
  };
  enum class state { launching, connecting, ready, stopping, restarting, dead, gone };

  kernel_fsm() : kernel_fsm(settings{}) {}
  explicit kernel_fsm(settings);

  actions resume(const kernel_event_t&, clock::time_point now);

  state now() const noexcept { return state_; }
  bool has_process() const noexcept { return alive_; }
  /// Launches after the first, whoever wanted them.
  int restarts() const noexcept { return restarts_; }
  void set_restarts(int n) noexcept { restarts_ = n; }  ///< from an adopted kernel's record
  /// Of the last process; cause::unknown before any has ended.
  const exit_status& last_exit() const noexcept { return last_exit_; }

private:
  struct turn;  ///< one resume(): the machine, the time, and the actions so far

  settings settings_;
  stop_ladder ladder_;
  restart_policy policy_;
  state state_ = state::dead;
  bool alive_ = false;      ///< between launched/adopted and exited
  bool connected_ = false;  ///< between connect and disconnect
  bool ends_dead_ = false;  ///< stopping: because it did not connect; nobody wants it gone
  bool at_once_ = false;    ///< stopping while launching: SIGKILL as soon as it lives
  bool adopted_ = false;    ///< the living process is an earlier daemon's
  bool launched_before_ = false;
  bool restart_awaited_ = false, stop_awaited_ = false;
  bool asked_restart_ = false;
  clock::time_point asked_until_ = clock::time_point::min();  ///< shutdown_asked counts until then
  clock::time_point deadline_ = clock::time_point::max();     ///< of connecting and back-off
  clock::time_point armed_ = clock::time_point::max();        ///< what the shell's timer is set to
  exit_status last_exit_;
  int restarts_ = 0;
};

std::string_view to_string(kernel_fsm::state) noexcept;
/// As Jupyter's execution_state.
std::string_view to_string(kernel_action::announce::state) noexcept;

}  // namespace kmux::supervise
