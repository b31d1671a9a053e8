#include "proc/packet.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace kmux {
namespace {

constexpr std::size_t control_size = CMSG_SPACE(most_packet_descriptors * sizeof(int));

error system_error(const char* what) {
  const int number = errno;
  return {errc_of(number), std::string(what) + ": " + std::strerror(number)};
}

void take_descriptors(msghdr& message, std::vector<unique_fd>& to) {
  for (auto* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
      to.emplace_back(fd);
    }
  }
}

}  // namespace

result<void> send_packet(int socket, std::string_view text, std::span<const int> descriptors) {
  iovec data{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) char control[control_size] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    auto* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent != static_cast<ssize_t>(text.size())) return system_error("cannot send");
  return {};
}

result<packet> receive_packet(int socket, std::size_t limit) {
  packet out;
  out.text.resize(limit);
  iovec data{out.text.data(), out.text.size()};
  alignas(cmsghdr) char control[control_size];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return system_error("cannot receive");
  take_descriptors(message, out.descriptors);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return error{errc::too_large, "the packet is too long, or has too many descriptors"};
  }
  out.text.resize(static_cast<std::size_t>(size));
  return out;
}

result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path) {
    return error{errc::too_large, path + " is too long for the address of a socket"};
  }
  std::memcpy(out.sun_path, path.data(), path.size());
  return out;
}

}  // namespace kmux
