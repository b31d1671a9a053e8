#include "proc/supervise/kernel_fsm.hpp"

#include <signal.h>
#include <utility>

namespace kmux::supervise {
namespace {

using clock = kernel_fsm::clock;
using duration = kernel_fsm::duration;

constexpr auto never = clock::time_point::max();

/// "Never" is a duration that people may configure.
clock::time_point after(clock::time_point now, duration wait) {
  return wait > never - now ? never : now + wait;
}

std::string seconds(duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(d).count()) + " s";
}

}  // namespace

struct kernel_fsm::turn {
  kernel_fsm& fsm;
  clock::time_point now;
  actions out;

  using told = kernel_action::announce::state;

  // Events

  void on(const kernel_event::start&) {
    if (fsm.state_ == state::dead) launch();
  }

  void on(const kernel_event::adopted&) {
    if (fsm.state_ != state::dead) return;
    fsm.alive_ = fsm.adopted_ = fsm.launched_before_ = true;
    connect(never);
  }

  void on(const kernel_event::launched&) {
    if (fsm.alive_) return;
    if (fsm.state_ == state::launching) {
      fsm.alive_ = true;
      connect(after(now, fsm.settings_.connect_within));
    } else if (fsm.state_ == state::stopping) {
      fsm.alive_ = true;
      climb(fsm.ladder_.start(now, false, fsm.at_once_));
    }
  }

  void on(const kernel_event::launch_failed& e) {
    if (fsm.alive_ || (fsm.state_ != state::launching && fsm.state_ != state::stopping)) return;
    fsm.last_exit_ = e.status;
    if (fsm.state_ == state::launching) return die(describe(e.status));
    leave();
  }

  void on(const kernel_event::connected&) {
    if (fsm.state_ != state::connecting) return;
    fsm.state_ = state::ready;
    fsm.deadline_ = never;
    fsm.policy_.on_ready(now);
    complete_restart(true, {});
  }

  void on(const kernel_event::exited& e) {
    if (!fsm.alive_) return;
    fsm.alive_ = fsm.adopted_ = false;
    fsm.last_exit_ = e.status;
    fsm.ladder_.on_exited();
    fsm.deadline_ = never;
    disconnect();
    switch (fsm.state_) {
      case state::stopping:
        if (!fsm.ends_dead_) return leave();
        return die("did not answer within " + seconds(fsm.settings_.connect_within));
      case state::restarting:
        return launch();
      default:
        return death(e.status);
    }
  }

  void on(const kernel_event::user_restart& e) {
    switch (fsm.state_) {
      case state::dead:
        return restart_by_user({});
      case state::launching:
        fsm.restart_awaited_ = true;
        return fsm.policy_.reset();
      case state::connecting:
        if (fsm.restart_awaited_) return;
        return restart_by_user(e);
      case state::ready:
        return restart_by_user(e);
      case state::stopping:
        if (fsm.ends_dead_) return restart_by_user({});
        [[fallthrough]];
      case state::gone:
        fsm.restart_awaited_ = true;
        return complete_restart(false, "the kernel is being shut down");
      case state::restarting:
        if (!fsm.alive_) return restart_by_user({});
        fsm.restart_awaited_ = true;
        if (e.now) climb(fsm.ladder_.hurry());
    }
  }

  void on(const kernel_event::user_stop& e) {
    fsm.stop_awaited_ = true;
    const bool launching = fsm.state_ == state::launching || fsm.state_ == state::stopping;
    if (!fsm.alive_ && !launching) return leave();
    fsm.ends_dead_ = false;
    if (fsm.alive_) return end_process(state::stopping, e.now);
    fsm.state_ = state::stopping;
    fsm.at_once_ = fsm.at_once_ || e.now;
  }

  void on(const kernel_event::shutdown_asked& e) {
    if (fsm.state_ != state::connecting && fsm.state_ != state::ready) return;
    fsm.asked_until_ = after(now, fsm.settings_.shutdown_within);
    fsm.asked_restart_ = e.restart;
  }

  void on(const kernel_event::timer&) {
    fsm.armed_ = never;  // it has fired; what is still to be waited for is armed again
    if (fsm.ladder_.running()) return climb(fsm.ladder_.on_timer(now));
    if (now < fsm.deadline_) return;
    if (fsm.state_ == state::restarting) return launch();
    if (fsm.state_ != state::connecting) return;
    fsm.ends_dead_ = true;
    disconnect();
    end_process(state::stopping, true);
  }

  // What they have in common

  void launch() {
    if (std::exchange(fsm.launched_before_, true)) ++fsm.restarts_;
    fsm.state_ = state::launching;
    fsm.deadline_ = never;
    fsm.at_once_ = false;
    out.emplace_back(kernel_action::launch{});
  }

  void connect(clock::time_point deadline) {
    fsm.state_ = state::connecting;
    fsm.connected_ = true;
    fsm.deadline_ = deadline;
    fsm.asked_until_ = clock::time_point::min();
    out.emplace_back(kernel_action::connect{});
  }

  void disconnect() {
    if (std::exchange(fsm.connected_, false)) out.emplace_back(kernel_action::disconnect{});
  }

  /// A user asked, and a process may live or not. `announce` comes first: the old one's last
  /// messages are then seen as what they are.
  void restart_by_user(const kernel_event::user_restart& e) {
    fsm.restart_awaited_ = true;
    fsm.policy_.reset();
    announce(e.silent ? told::restarting : told::starting,
             e.silent ? "its heartbeat stopped" : "a restart was asked for");
    if (!fsm.alive_) return launch();
    end_process(state::restarting, e.now);
  }

  /// Up the ladder, or further up. A kernel that has not answered yet is not asked; an adopted one
  /// may just be busy on shell.
  void end_process(state then, bool at_once) {
    const bool can_ask = fsm.state_ == state::ready || fsm.adopted_;
    fsm.state_ = then;
    if (!fsm.ladder_.running()) return climb(fsm.ladder_.start(now, can_ask, at_once));
    if (at_once) climb(fsm.ladder_.hurry());
  }

  void climb(stop_ladder::action rung) {
    switch (rung) {
      case stop_ladder::action::none:
        return;
      case stop_ladder::action::ask:
        out.emplace_back(kernel_action::ask_shutdown{fsm.state_ == state::restarting});
        return;
      case stop_ladder::action::sigterm:
        out.emplace_back(kernel_action::signal_group{SIGTERM});
        return;
      case stop_ladder::action::sigkill:
        out.emplace_back(kernel_action::signal_group{SIGKILL});
    }
  }

  void death(const exit_status& status) {
    if (now < fsm.asked_until_) {
      if (fsm.asked_restart_) {
        announce(told::starting, "a client asked for a restart");
        return launch();
      }
      announce(told::dead, "a client asked for its end");
      return leave();
    }
    if (status.how == exit_status::cause::launch_failed) return die(describe(status));
    const auto delay = fsm.policy_.on_death(now);
    if (!delay) {
      const int tried = fsm.policy_.failures();
      return die(describe(status) +
                 (fsm.policy_.enabled() ? ", and again after " + std::to_string(tried) + " restarts"
                                        : ""));
    }
    announce(told::restarting, describe(status));
    fsm.state_ = state::restarting;
    if (*delay <= duration::zero()) return launch();
    fsm.deadline_ = after(now, *delay);
  }

  void die(std::string reason) {
    disconnect();
    fsm.state_ = state::dead;
    announce(told::dead, reason);
    complete_restart(false, std::move(reason));
  }

  void leave() {
    disconnect();
    const bool listed = fsm.state_ != state::gone;
    fsm.state_ = state::gone;
    fsm.deadline_ = never;
    complete_restart(false, "the kernel was shut down");
    if (std::exchange(fsm.stop_awaited_, false)) {
      out.emplace_back(kernel_action::complete{user_request::stop, true, {}});
    }
    if (listed) out.emplace_back(kernel_action::forget{});
  }

  void announce(told state, std::string reason) {
    out.emplace_back(kernel_action::announce{state, std::move(reason)});
  }

  void complete_restart(bool ok, std::string reason) {
    if (!std::exchange(fsm.restart_awaited_, false)) return;
    out.emplace_back(kernel_action::complete{user_request::restart, ok, std::move(reason)});
  }

  /// The shell has one timer; it is told only of changes.
  void settle_timer() {
    const auto wanted = fsm.ladder_.running() ? fsm.ladder_.deadline() : fsm.deadline_;
    if (wanted == fsm.armed_) return;
    fsm.armed_ = wanted;
    if (wanted == never) {
      out.emplace_back(kernel_action::cancel_timer{});
    } else {
      out.emplace_back(kernel_action::arm_timer{wanted});
    }
  }
};

kernel_fsm::kernel_fsm(settings s)
    : settings_(s), ladder_(settings_.stop), policy_(settings_.restart) {
}

kernel_fsm::actions kernel_fsm::resume(const kernel_event_t& event, clock::time_point now) {
  turn t{*this, now, {}};
  std::visit([&t](const auto& e) { t.on(e); }, event);
  t.settle_timer();
  return std::move(t.out);
}

std::string_view to_string(kernel_fsm::state state) noexcept {
  switch (state) {
    case kernel_fsm::state::launching:
      return "launching";
    case kernel_fsm::state::connecting:
      return "connecting";
    case kernel_fsm::state::ready:
      return "ready";
    case kernel_fsm::state::stopping:
      return "stopping";
    case kernel_fsm::state::restarting:
      return "restarting";
    case kernel_fsm::state::dead:
      return "dead";
    case kernel_fsm::state::gone:
      break;
  }
  return "gone";
}

std::string_view to_string(kernel_action::announce::state told) noexcept {
  using enum kernel_action::announce::state;
  return told == dead ? "dead" : told == restarting ? "restarting" : "starting";
}

}  // namespace kmux::supervise
