#include "proc/supervise/heartbeat.hpp"

namespace kmux::supervise {

heartbeat::action heartbeat::ping(clock::time_point now) {
  asked_ = true;
  sent_ = now;
  return action::ping;
}

heartbeat::action heartbeat::start(clock::time_point now) {
  state_ = state::responsive;
  deadline_ = now + settings_.late_after;
  return ping(now);
}

void heartbeat::stop() {
  *this = heartbeat(settings_);
}

heartbeat::action heartbeat::on_answer(clock::time_point now) {
  if (!asked_) return action::none;
  asked_ = false;
  state_ = state::responsive;
  deadline_ = now + settings_.interval;
  return action::none;
}

heartbeat::action heartbeat::on_timer(clock::time_point now) {
  if (state_ == state::idle || now < deadline_) return action::none;
  if (!asked_) {
    deadline_ = now + settings_.late_after;
    return ping(now);
  }
  if (state_ == state::responsive) {
    state_ = state::late;
    deadline_ = sent_ + settings_.silent_after;
    return action::none;
  }
  state_ = state::silent;
  deadline_ = now + settings_.silent_after;
  return ping(now);
}

std::string_view to_string(heartbeat::state state) noexcept {
  switch (state) {
    case heartbeat::state::responsive:
      return "responsive";
    case heartbeat::state::late:
      return "late";
    case heartbeat::state::silent:
      return "silent";
    case heartbeat::state::idle:
      break;
  }
  return "idle";
}

}  // namespace kmux::supervise
