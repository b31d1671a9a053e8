#include "proc/supervise/restart_policy.hpp"

#include <algorithm>
#include <utility>

namespace kmux::supervise {

void restart_policy::on_ready(clock::time_point now) {
  ready_since_ = now;
}

std::optional<restart_policy::duration> restart_policy::on_death(clock::time_point now) {
  const auto since = std::exchange(ready_since_, std::nullopt);
  if (since && now - *since >= settings_.stable_for) failures_ = 0;
  if (!settings_.enabled || failures_ >= settings_.limit) return std::nullopt;

  // Doubled step by step, so that no configuration can overflow it.
  duration delay = std::min(settings_.first, settings_.longest);
  for (int i = 0; i < failures_ && delay < settings_.longest; ++i) {
    delay = delay > settings_.longest / 2 ? settings_.longest : delay * 2;
  }
  ++failures_;
  return delay;
}

void restart_policy::reset() noexcept {
  failures_ = 0;
  ready_since_.reset();
}

}  // namespace kmux::supervise
