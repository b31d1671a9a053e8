#pragma once
// The kernel's machine with a clock of its own, and its actions as text.

#include <chrono>
#include <signal.h>
#include <string>
#include <variant>

#include "proc/supervise/kernel_fsm.hpp"

namespace kmux::supervise {

using namespace std::chrono_literals;
namespace ev = kernel_event;
namespace act = kernel_action;

inline exit_status exited_with(int code) {
  return {exit_status::cause::exited, code, 0, {}};
}
inline exit_status cannot_launch() {
  return {exit_status::cause::launch_failed, 0, 0, "no such file"};
}

/// "announce dead", "arm 2500"…: times in milliseconds from now.
struct action_text {
  kernel_fsm::clock::time_point now;

  std::string operator()(const act::launch&) const { return "launch"; }
  std::string operator()(const act::connect&) const { return "connect"; }
  std::string operator()(const act::disconnect&) const { return "disconnect"; }
  std::string operator()(const act::ask_shutdown& a) const {
    return a.restart ? "ask restart" : "ask stop";
  }
  std::string operator()(const act::signal_group& a) const {
    return a.sig == SIGTERM ? "TERM" : a.sig == SIGKILL ? "KILL" : "signal?";
  }
  std::string operator()(const act::arm_timer& a) const {
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(a.at - now);
    return "arm " + std::to_string(wait.count());
  }
  std::string operator()(const act::cancel_timer&) const { return "cancel"; }
  std::string operator()(const act::announce& a) const {
    return "announce " + std::string(to_string(a.told));
  }
  std::string operator()(const act::complete& a) const {
    return std::string(a.ok ? "complete " : "fail ") +
           (a.what == user_request::restart ? "restart" : "stop");
  }
  std::string operator()(const act::forget&) const { return "forget"; }
};

class fsm_script {
public:
  explicit fsm_script(kernel_fsm::settings s = {}) : fsm(s) {}

  /// The actions as text, separated by "; ".
  std::string tell(const kernel_event_t& event) {
    last = fsm.resume(event, now);
    std::string text;
    for (const kernel_action_t& action : last) {
      if (const auto* arm = std::get_if<act::arm_timer>(&action)) timer = arm->at;
      if (std::holds_alternative<act::cancel_timer>(action)) timer = never;
      if (!text.empty()) text += "; ";
      text += std::visit(action_text{now}, action);
    }
    return text;
  }

  /// Goes to the armed time and tells it.
  std::string tell_due_timer() {
    now = timer;
    timer = never;
    return tell(ev::timer{});
  }

  static constexpr auto never = kernel_fsm::clock::time_point::max();
  kernel_fsm fsm;
  kernel_fsm::clock::time_point now = kernel_fsm::clock::time_point{} + 1000h;
  kernel_fsm::clock::time_point timer = never;
  kernel_fsm::actions last;
};

}  // namespace kmux::supervise
