#include "daemon/auth/failed_attempts.hpp"

#include <algorithm>
#include <functional>

namespace kmux::daemon {

namespace {

std::uint64_t key_of(const std::string& address, std::uint64_t credentials) {
  return std::hash<std::string>{}(address) ^ (credentials * 0x9e3779b97f4a7c15);
}

}  // namespace

bool failed_attempts::may_try(const std::string& address, std::uint64_t credentials) const {
  const auto found = sources_.find(address);
  return found == sources_.end() || found->second.waiting < most_waiting ||
         known_.contains(key_of(address, credentials));
}

void failed_attempts::succeeded(const std::string& address, std::uint64_t credentials) {
  if (known_.size() >= most_known) known_.clear();  // they are known again at their next request
  known_.insert(key_of(address, credentials));
}

failed_attempts::clock::duration failed_attempts::failed(const std::string& address,
                                                         clock::time_point now) {
  if (!sources_.contains(address)) make_room(now);
  auto& from = sources_[address];
  if (from.failures > 0 && now - from.last > forgotten_after) from.failures = 0;
  from.last = now;
  ++from.failures;
  ++from.waiting;
  if (from.failures <= free) return {};
  const int doublings = std::min(from.failures - free - 1, 10);
  return std::min<clock::duration>(first_delay * (1 << doublings), longest_delay);
}

void failed_attempts::answered(const std::string& address) {
  const auto found = sources_.find(address);
  if (found != sources_.end() && found->second.waiting > 0) --found->second.waiting;
}

void failed_attempts::make_room(clock::time_point now) {
  if (sources_.size() < most_addresses) return;
  std::erase_if(sources_, [&](const auto& each) {
    return each.second.waiting == 0 && now - each.second.last > forgotten_after;
  });
  if (sources_.size() < most_addresses) return;
  // Somebody has many addresses: the one that has been quiet the longest is forgotten.
  const auto oldest =
      std::min_element(sources_.begin(), sources_.end(),
                       [](const auto& a, const auto& b) { return a.second.last < b.second.last; });
  sources_.erase(oldest);
}

}  // namespace kmux::daemon
