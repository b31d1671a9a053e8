#include "protocol/nudge.hpp"

namespace kmux {

nudge::action nudge::start(clock::time_point now) {
  if (sent_ > 0) return action::none;
  ++sent_;
  deadline_ = now + settings_.repeat_without_reply;
  return action::send_kernel_info;
}

nudge::action nudge::on_reply(clock::time_point now) {
  if (connected()) return action::none;
  replied_ = true;
  deadline_ = connected() ? clock::time_point::max() : now + settings_.retry;
  return action::none;
}

nudge::action nudge::on_iopub(clock::time_point) {
  if (connected()) return action::none;
  heard_ = true;
  if (connected()) deadline_ = clock::time_point::max();
  return action::none;
}

nudge::action nudge::on_timer(clock::time_point now) {
  if (connected() || sent_ == 0 || now < deadline_) return action::none;
  ++sent_;
  // After a reply a few more in quick succession; without one, requests only queue up.
  deadline_ = now + (replied_ ? settings_.retry : settings_.repeat_without_reply);
  return action::send_kernel_info;
}

}  // namespace kmux
