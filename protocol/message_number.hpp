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

/// "kernel.X.stream;seq=123"
std::string numbered(std::string_view topic, std::uint64_t number);
/// The number in the last of the frames before the delimiter; 0 where there is none.
std::uint64_t number_of(std::span<const std::string_view> identities);

}  // namespace kmux
