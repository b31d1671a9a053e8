#pragma once
// Messages that kmux itself sends: requests to kernels, and statuses that the daemon tells clients.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/message.hpp"

namespace kmux {

/// A message that owns its four dictionaries.
struct owned_message {
  std::string header, parent_header = "{}", metadata = "{}", content = "{}";
  message_view view() const { return {header, parent_header, metadata, content, {}}; }
};

/// Who speaks, and when: given by the caller because this folder has no clock.
struct sender {
  std::string_view session;  ///< ours, one per process
  std::string_view username = "kmux";
  std::string_view date;  ///< ISO 8601, UTC, six fractional digits, "Z"
};

owned_message make_kernel_info_request(const sender&);
owned_message make_interrupt_request(const sender&);
owned_message make_shutdown_request(const sender&, bool restart);
/// `state` is restarting, dead, starting…; `reason` and `stderr_tail` go into the content if not
/// empty.
owned_message make_status(const sender&, std::string_view state, std::string_view reason = {},
                          std::string_view stderr_tail = {});
/// Text on a stream ("stdout", "stderr").
owned_message make_stream(const sender&, std::string_view name, std::string_view text);

/// `kmux_gap`: messages with the numbers `first` to `last` cannot be had any more.
owned_message make_gap(const sender&, std::uint64_t first, std::uint64_t last);

/// `kmux_culling`: the kernel will be ended in so many seconds, if nothing changes.
owned_message make_culling(const sender&, std::uint64_t seconds, std::string_view reason);

/// 2026-01-31T23:59:59.123456Z from microseconds since the epoch.
std::string iso_date(long long microseconds_since_epoch);

}  // namespace kmux
