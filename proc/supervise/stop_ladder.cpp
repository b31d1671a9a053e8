#include "proc/supervise/stop_ladder.hpp"

namespace kmux::supervise {

stop_ladder::action stop_ladder::start(clock::time_point now, bool can_ask, bool at_once) {
  if (at_once) return kill();
  if (running()) return action::none;
  state_ = can_ask ? state::asked : state::terminating;
  deadline_ = now + (can_ask ? settings_.message : settings_.term);
  return can_ask ? action::ask : action::sigterm;
}

stop_ladder::action stop_ladder::hurry() {
  return running() ? kill() : action::none;
}

stop_ladder::action stop_ladder::kill() {
  if (state_ == state::killing) return action::none;
  state_ = state::killing;
  deadline_ = clock::time_point::max();
  return action::sigkill;
}

stop_ladder::action stop_ladder::on_timer(clock::time_point now) {
  if (now < deadline_) return action::none;
  if (state_ == state::terminating) return kill();
  state_ = state::terminating;
  deadline_ = now + settings_.term;
  return action::sigterm;
}

void stop_ladder::on_exited() {
  if (!running()) return;
  state_ = state::ended;
  deadline_ = clock::time_point::max();
}

}  // namespace kmux::supervise
