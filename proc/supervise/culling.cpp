#include "proc/supervise/culling.hpp"

#include <algorithm>
#include <strings.h>
#include <utility>

namespace kmux::supervise {

namespace {

constexpr int believed_intervals = 3;  ///< a longer step is none of a working daemon

bool same(const std::string& a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), b.size()) == 0;
}

}  // namespace

cull_limits limits_for(const cull_limits& all, const std::vector<cull_rule>& rules,
                       std::string_view kernelspec, std::string_view owner) {
  cull_limits out = all;
  int idle_rank = 0, age_rank = 0;
  const auto take = [](const auto& value, int rank, int& best, auto& to) {
    if (!value || rank < best) return;
    best = rank;
    to = *value;
  };
  for (const auto& rule : rules) {
    if (!rule.kernelspec.empty() && !same(rule.kernelspec, kernelspec)) continue;
    if (!rule.owner.empty() && rule.owner != owner) continue;
    const int rank = (rule.kernelspec.empty() ? 0 : 1) + (rule.owner.empty() ? 0 : 2);
    take(rule.idle_timeout, rank, idle_rank, out.idle_timeout);
    take(rule.max_age, rank, age_rank, out.max_age);
  }
  return out;
}

culling::action culling::look(const settings& s, const seen& what, clock::time_point now) {
  const duration passed = std::max(now - last_, duration::zero());
  last_ = now;
  const duration step = passed > believed_intervals * s.interval ? s.interval : passed;
  const bool excepted = (what.busy && !s.busy) || (what.connected && !s.connected);
  count(s, what, excepted, step);
  next_ = s.interval;
  if (excepted || (what.unknown && !s.busy)) {
    warned_ = said_ = false;
    remaining_ = duration::max();
    return action::none;
  }
  return judge(s, step);
}

void culling::count(const settings& s, const seen& what, bool excepted, duration step) {
  counted_.age += step;
  if (what.active || excepted) {
    counted_.idle = {};
  } else if (!what.unknown || s.busy) {
    counted_.idle += step;
  }
}

void culling::find_end(const settings& s) {
  remaining_ = duration::max();
  const auto consider = [this](duration limit, duration so_far, cause why) {
    if (limit == duration::zero() || limit - so_far >= remaining_) return;
    remaining_ = limit - so_far;
    limit_ = limit;
    why_ = why;
  };
  consider(s.limits.idle_timeout, counted_.idle, cause::idle);
  consider(s.limits.max_age, counted_.age, cause::age);
}

culling::action culling::judge(const settings& s, duration step) {
  find_end(s);
  const duration lead = s.dry_run ? duration::zero() : std::min(s.warning, limit_);
  if (remaining_ == duration::max() || remaining_ > lead) {
    if (remaining_ != duration::max()) next_ = std::min(next_, remaining_ - lead);
    warned_ = said_ = false;
    return action::none;
  }
  if (s.dry_run) {
    warned_ = false;
    return std::exchange(said_, true) ? action::none : action::would_end;
  }
  const bool warned = std::exchange(warned_, true);
  left_ = warned ? left_ - step : lead;
  const duration wait = std::max(left_, remaining_);
  if (wait <= duration::zero()) return action::end;
  next_ = std::min(next_, wait);
  return warned ? action::none : action::warn;
}

}  // namespace kmux::supervise
