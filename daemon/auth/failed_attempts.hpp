#pragma once
// Guessing tokens is slow.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace kmux::daemon {

/// Counts, for each address, credentials that were refused. Pure: knows no clock. Whoever has come
/// in from an address before, with the same credentials, is not affected by others who fail there:
/// a shared host and a proxy have one address for many people. Bounded in memory.
class failed_attempts {
public:
  using clock = std::chrono::steady_clock;
  static constexpr int free = 5;  ///< so many in a row cost nothing
  static constexpr auto first_delay = std::chrono::milliseconds(200);
  static constexpr auto longest_delay = std::chrono::seconds(5);
  static constexpr auto forgotten_after = std::chrono::minutes(10);
  static constexpr std::size_t most_waiting = 32;  ///< of one address
  static constexpr std::size_t most_addresses = 4096, most_known = 16384;

  /// `address` without its port. Whether these credentials (any fingerprint of them) may be looked
  /// at now; if not, the caller answers 429.
  bool may_try(const std::string& address, std::uint64_t credentials) const;
  void succeeded(const std::string& address, std::uint64_t credentials);
  /// How long the refusal has to wait. Each is followed by answered().
  clock::duration failed(const std::string& address, clock::time_point now);
  void answered(const std::string& address);

private:
  struct source {
    int failures = 0;
    std::size_t waiting = 0;
    clock::time_point last;
  };
  void make_room(clock::time_point now);

  std::unordered_map<std::string, source> sources_;
  std::unordered_set<std::uint64_t> known_;  ///< address and credentials that came in
};

}  // namespace kmux::daemon
