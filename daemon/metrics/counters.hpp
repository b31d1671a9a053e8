#pragma once
// What the daemon counts while it runs, for /metrics.

#include <array>
#include <cstddef>
#include <cstdint>

#include "daemon/metrics/histogram.hpp"
#include "proc/exit_status.hpp"
#include "protocol/message.hpp"

namespace kmux::daemon {

/// A message of a kernel's counts once as `from_kernel`, and once as `to_client` for each client
/// that it is sent to.
enum class direction : std::uint8_t { from_kernel, to_kernel, to_client };
inline constexpr std::size_t channels_counted = 4, directions_counted = 3;

struct traffic {
  std::uint64_t messages = 0, bytes = 0;
};

inline std::size_t bytes_of(const message_view& m) noexcept {
  std::size_t out = m.header.size() + m.parent_header.size() + m.metadata.size() + m.content.size();
  for (const auto each : m.buffers)
    out += each.size();
  return out;
}

/// Why a kernel died that nobody had asked to end.
enum class death : std::uint8_t {
  exited,
  signaled,
  out_of_memory,
  launch_failed,
  unanswering,  ///< it did not connect in time
  silent,       ///< its heart stopped, and it was restarted for that
  unknown,
};
inline constexpr std::size_t deaths_counted = 7;
death death_by(exit_status::cause) noexcept;

enum class auth_failure : std::uint8_t {
  missing,      ///< no credentials
  wrong,        ///< credentials that are not good
  forbidden,    ///< good ones, which may not do this
  throttled,    ///< too many wrong ones from that address
  unavailable,  ///< the Hub could not be asked
};
inline constexpr std::size_t auth_failures_counted = 5;

/// What was there when this daemon began.
struct adoption_counts {
  std::uint64_t adopted = 0, found_dead = 0, quarantined = 0, left_alone = 0;
  histogram::duration took{};
};

/// Plain integers: the loop's thread counts, and writes them out. Owned by the app, and given by
/// reference to whoever counts. They begin at 0 with each daemon, an upgraded one too.
struct counters {
  std::array<std::array<traffic, directions_counted>, channels_counted> messages{};
  std::uint64_t messages_dropped = 0;  ///< of kernels, not believed or not understood

  histogram starts;      ///< from launch to connected, without restarts that failed
  histogram interrupts;  ///< of busy kernels, until they were idle
  histogram stops;       ///< until the process and its files were gone
  std::array<std::uint64_t, deaths_counted> deaths{};
  std::uint64_t restarts_asked = 0, restarts_by_death = 0;
  std::uint64_t culled_idle = 0, culled_age = 0;
  adoption_counts adoption;

  std::uint64_t gaps = 0, messages_lost = 0;  ///< told to clients
  std::uint64_t resumed_by_cursor = 0, resumed_by_number = 0;

  std::array<std::uint64_t, 5> requests{};  ///< by the status's first digit, 1 to 5
  histogram request_times;
  std::array<std::uint64_t, auth_failures_counted> auth_failures{};
  histogram loop_lag;

  void count(channel c, direction d, std::size_t bytes) noexcept {
    auto& at = messages[static_cast<std::size_t>(c)][static_cast<std::size_t>(d)];
    ++at.messages;
    at.bytes += bytes;
  }
  void count(channel c, direction d, const message_view& m) noexcept { count(c, d, bytes_of(m)); }
  void count(death why) noexcept { ++deaths[static_cast<std::size_t>(why)]; }
  void count(auth_failure why) noexcept { ++auth_failures[static_cast<std::size_t>(why)]; }
  void count_response(int status, histogram::duration took) {
    if (status >= 100 && status < 600) ++requests[static_cast<std::size_t>(status / 100 - 1)];
    request_times.observe(took);
  }
};

}  // namespace kmux::daemon
