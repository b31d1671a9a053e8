// The end of a kernel that nobody uses, or that is too old.
#include <algorithm>

#include <fmt/format.h>

#include "daemon/clock.hpp"
#include "daemon/kernels/kernel.hpp"

namespace kmux::daemon {

using supervise::culling;

namespace {

std::uint64_t seconds_of(culling::duration d) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(d).count());
}

}  // namespace

culling::duration kernel::cull() {
  const auto& wanted = services_.settings.culling;
  const auto state = state_name();
  if (state == "terminating") return wanted.all.interval;
  limits_ = wanted.all;
  limits_.limits = record_.pinned
                       ? supervise::cull_limits{}
                       : limits_for(wanted.all.limits, wanted.rules, spec_name(), owner());
  culling::seen seen;
  seen.active = activity_.last() != std::exchange(activity_seen_, activity_.last());
  seen.unknown = state != "dead" && activity_.presumed_busy();
  seen.busy = !seen.unknown && state != "idle" && state != "dead";
  seen.connected = !clients_.empty();
  switch (culling_.look(limits_, seen, culling::clock::now())) {
    case culling::action::none:
      break;
    case culling::action::warn:
      warn_of_culling();
      break;
    case culling::action::would_end:
      say("kernel_would_be_culled",
          {{"owner", owner()}, event_member::text("reason", cull_reason())});
      break;
    case culling::action::end:
      ++(culling_.why() == culling::cause::age ? services_.counted.culled_age
                                               : services_.counted.culled_idle);
      say("kernel_culled", {{"owner", owner()}, event_member::text("reason", cull_reason())});
      finish_stop();
      return wanted.all.interval;
  }
  save_counts();
  return culling_.next();
}

std::string kernel::cull_reason() const {
  if (culling_.why() == culling::cause::age) {
    return fmt::format("it is older than {} s", seconds_of(limits_.limits.max_age));
  }
  return fmt::format("nobody used it for {} s", seconds_of(limits_.limits.idle_timeout));
}

std::string kernel::cull_model() const {
  const auto due = culling_.due();
  if (!due) return "null";
  return fmt::format(R"({{"seconds": {}, "reason": "{}"}})",
                     seconds_of(std::max(*due, culling::duration::zero())), cull_reason());
}

void kernel::pin(bool wanted) {
  record_.pinned = wanted;
  save();
}

void kernel::warn_of_culling() {
  const auto seconds = seconds_of(culling_.left());
  say("kernel_culling", {{"owner", owner()},
                         {"seconds", seconds},
                         {"clients", clients_.size()},
                         event_member::text("reason", cull_reason())});
  const std::string date = iso_now();
  tell_clients(make_culling({"kmuxd", "kmux", date}, seconds, cull_reason()));
}

/// Where a tenth of a limit would be lost if the daemon died: not at each look, at which there may
/// be a thousand kernels.
void kernel::save_counts() {
  const auto differs = [this](culling::duration limit, culling::duration now, std::uint64_t then) {
    const auto saved = std::chrono::milliseconds(then);
    const culling::duration change = now > saved ? now - saved : saved - now;
    return limit > culling::duration::zero() && change >= std::max(limits_.interval, limit / 10);
  };
  const auto& counted = culling_.so_far();
  if (differs(limits_.limits.idle_timeout, counted.idle, record_.idle_ms) ||
      differs(limits_.limits.max_age, counted.age, record_.age_ms)) {
    save();
  }
}

}  // namespace kmux::daemon
