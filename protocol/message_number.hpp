#pragma once
// How a message's number in the journal travels between kmux-child and kmuxd: at the end of the
// topic on iopub, where ordinary clients do not look; on the other channels in a frame of its own
// before the delimiter, which only a kmuxd is sent.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kmux {

/// With this the routing ids of kmuxd's sockets begin.
inline constexpr std::string_view daemon_identity = "kmuxd-";

struct message_number {
  std::uint64_t number = 0;  ///< 0: it has none
  bool kept = true;          ///< false: the journal could not be written

  friend bool operator==(const message_number&, const message_number&) = default;
};

/// "kernel.X.stream;seq=123", or "kernel.X.stream;kept=no;seq=123"
std::string numbered(std::string_view topic, message_number);
/// The same text, saying that it is not kept. Text without a number stays as it is.
std::string as_not_kept(std::string_view text);
/// What stands in the last of the frames before the delimiter.
message_number number_of(std::span<const std::string_view> identities);

}  // namespace kmux
