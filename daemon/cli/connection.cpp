#include "daemon/cli/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/format.h>

namespace kmux::cli {

namespace {

/// False at `until`.
bool wait_for(int fd, short events, clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    pollfd item{fd, events, 0};
    const int ready = ::poll(&item, 1, static_cast<int>(std::clamp<long>(left, 0, 1'000'000)));
    if (ready > 0) return true;
    if (ready == 0 && left <= 0) return false;
    if (ready < 0 && errno != EINTR) return true;  // the call that follows says what is wrong
  }
}

/// What send(2) or recv(2) has said.
transfer plain(ssize_t returned, short direction) {
  transfer out;
  if (returned > 0) out.bytes = static_cast<std::size_t>(returned);
  out.ended = returned == 0;
  if (returned >= 0) return out;
  if (errno == EAGAIN || errno == EINTR) {
    out.wait_for = direction;
  } else {
    out.wrong = std::strerror(errno);
  }
  return out;
}

failure unreachable(const daemon_address& where, const std::string& why) {
  return {exit_code::unreachable,
          fmt::format("No kmuxd answers at {}: {}. Is it running? --runtime-dir or --url say where "
                      "to look.",
                      where.name, why)};
}

/// 0, or errno.
int connect_to(int fd, const sockaddr* address, socklen_t size, clock::time_point until) {
  if (::connect(fd, address, size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait_for(fd, POLLOUT, until)) return ETIMEDOUT;
  int number = 0;
  socklen_t length = sizeof number;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length);
  return number;
}

outcome<unique_fd> open_local(const daemon_address& where, clock::time_point until) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Through its directory, whatever the length of the path.
  unique_fd directory;
  std::string path = where.socket;
  if (path.size() >= sizeof address.sun_path) {
    const auto slash = path.rfind('/');
    directory = unique_fd(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    path = fmt::format("/proc/self/fd/{}{}", directory.get(), path.substr(slash));
  }
  if (path.size() >= sizeof address.sun_path) {
    return unreachable(where, std::strerror(ENAMETOOLONG));
  }
  path.copy(address.sun_path, path.size());
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int number = !fd ? errno
                         : connect_to(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                                      sizeof address, until);
  if (number == EACCES || number == EPERM) {
    return failure{exit_code::refused, where.name + " is kmuxd's own user's and root's.",
                   "kmux as one of these, or --url http://HOST:PORT/ --token-file FILE"};
  }
  if (number != 0) return unreachable(where, std::strerror(number));
  return fd;
}

outcome<unique_fd> open_tcp(const daemon_address& where, clock::time_point until) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int wrong = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
      wrong != 0) {
    return unreachable(where, ::gai_strerror(wrong));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
  int number = EHOSTUNREACH;
  for (const addrinfo* each = all.get(); each != nullptr; each = each->ai_next) {
    unique_fd fd(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    number = !fd ? errno : connect_to(fd.get(), each->ai_addr, each->ai_addrlen, until);
    if (number != 0) continue;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }
  return unreachable(where, std::strerror(number));
}

}  // namespace

void throw_exception_from_error(const failure& f, const boost::source_location&) {
  throw std::logic_error(f.text);
}

result<daemon_address> address_of_url(const std::string& url, std::string token) {
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://")) {
    return error{errc::bad_field,
                 "A kmuxd's URL begins with http:// or https://, this one does not: " + url};
  }
  const auto rest = url.substr(url.find("//") + 2);
  const auto slash = std::min(rest.find('/'), rest.size());
  std::string host = rest.substr(0, slash);
  daemon_address out;
  out.tls = tls;
  if (tls) out.port = "443";
  out.token = secret(std::move(token));
  out.name = url;
  if (slash < rest.size()) out.base_url = rest.substr(slash);
  if (!out.base_url.ends_with('/')) out.base_url += '/';
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    out.port = host.substr(colon + 1);
    host.resize(colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.host = host;
  if (host.empty() || out.port.find_first_not_of("0123456789") != std::string::npos ||
      url.find_first_of(" \r\n\t") != std::string::npos) {
    return error{errc::bad_field, "That is not a URL of a host: " + url};
  }
  return out;
}

daemon_address address_of_runtime(const std::string& runtime_dir) {
  daemon_address out;
  out.socket = runtime_dir + "/admin.sock";
  out.name = out.socket;
  return out;
}

outcome<connection> connection::open(const daemon_address& where, clock::time_point until) {
  auto fd = where.local() ? open_local(where, until) : open_tcp(where, until);
  if (!fd) return fd.error();
  connection out(std::move(*fd), where.name);
  if (!where.tls) return out;
  if (const auto secured = out.secure(where, until); !secured) return secured.error();
  return out;
}

outcome<void> connection::secure(const daemon_address& where, clock::time_point until) {
  std::string wrong;
  tls_ = tls_client::make(fd_.get(), where.host, where.files, wrong);
  if (!tls_) return failure{exit_code::failed, wrong + "."};
  for (;;) {
    const auto step = tls_->handshake();
    if (step.wait_for == 0 && step.wrong.empty() && !step.ended) return {};
    if (step.wait_for == 0)
      return unreachable(where, step.ended ? "it ended the connection" : step.wrong);
    if (!wait_for(fd_.get(), step.wait_for, until))
      return unreachable(where, std::strerror(ETIMEDOUT));
  }
}

failure connection::lost(const std::string& why) const {
  return {exit_code::failed, fmt::format("kmuxd at {} went away: {}.", name_, why), "kmux status"};
}

outcome<void> connection::write(std::string_view bytes, clock::time_point until) {
  while (!bytes.empty()) {
    const auto step =
        tls_ ? tls_->write(bytes)
             : plain(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), POLLOUT);
    bytes.remove_prefix(step.bytes);
    if (step.bytes > 0) continue;
    if (step.wait_for == 0) return lost(step.wrong);
    if (!wait_for(fd_.get(), step.wait_for, until)) return lost(std::strerror(ETIMEDOUT));
  }
  return {};
}

outcome<std::size_t> connection::read(std::span<char> into, clock::time_point until) {
  for (;;) {
    const auto step =
        tls_ ? tls_->read(into) : plain(::recv(fd_.get(), into.data(), into.size(), 0), POLLIN);
    if (step.bytes > 0 || step.ended) return step.bytes;
    if (step.wait_for == 0) return lost(step.wrong);
    if (!wait_for(fd_.get(), step.wait_for, until)) {
      return failure{exit_code::timed_out,
                     fmt::format("kmuxd at {} has not answered in time.", name_), "kmux status"};
    }
  }
}

}  // namespace kmux::cli
