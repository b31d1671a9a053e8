#pragma once
// What a journal tells of each request.

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

namespace kmux::daemon {

/// By msg_id, in the order in which they were first seen. Bounded: of more than `most` the oldest
/// are forgotten. T has the members msg_id and session.
template <class T>
class requests_seen {
public:
  static constexpr std::size_t most = 10'000;

  /// Made where it is not known yet.
  T& of(const std::string& msg_id, const std::string& session) {
    const auto [place, fresh] = order_.try_emplace(msg_id, count_);
    if (!fresh) return all_[place->second];
    T& made = all_[count_++];
    made.msg_id = msg_id;
    made.session = session;
    if (all_.size() > most) {
      order_.erase(all_.begin()->second.msg_id);
      all_.erase(all_.begin());
    }
    return made;
  }
  /// nullptr: never seen, or forgotten.
  const T* find(const std::string& msg_id) const {
    const auto found = order_.find(msg_id);
    return found == order_.end() ? nullptr : &all_.at(found->second);
  }
  std::map<std::uint64_t, T>& all() noexcept { return all_; }
  const std::map<std::uint64_t, T>& all() const noexcept { return all_; }

private:
  std::unordered_map<std::string, std::uint64_t> order_;  ///< msg_id → when it was first seen
  std::map<std::uint64_t, T> all_;
  std::uint64_t count_ = 0;
};

}  // namespace kmux::daemon
