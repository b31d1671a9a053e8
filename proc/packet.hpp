#pragma once
// A packet with descriptors beside it, over a Unix socket of type SOCK_SEQPACKET: unix(7), cmsg(3).

#include <span>
#include <string>
#include <string_view>
#include <sys/un.h>
#include <vector>

#include "proc/unique_fd.hpp"
#include "protocol/error.hpp"

namespace kmux {

struct packet {
  std::string text;  ///< empty: the peer has closed
  std::vector<unique_fd> descriptors;
};

inline constexpr std::size_t most_packet_descriptors = 4;

/// Never raises SIGPIPE. A socket that does not block gives errc::io where there is no room.
result<void> send_packet(int socket, std::string_view text, std::span<const int> descriptors = {});

/// errc::too_large above `limit` bytes. Descriptors that come are closed on exec.
result<packet> receive_packet(int socket, std::size_t limit);

/// errc::too_large where the path is longer than an address.
result<sockaddr_un> unix_address(const std::string& path);

}  // namespace kmux
