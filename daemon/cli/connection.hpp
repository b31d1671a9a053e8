#pragma once
// A stream socket to a kmuxd, for a program that waits: each wait has an end.

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "daemon/cli/failure.hpp"
#include "daemon/cli/tls_client.hpp"
#include "proc/unique_fd.hpp"
#include "protocol/secret.hpp"

namespace kmux::cli {

/// Where a kmuxd is.
struct daemon_address {
  std::string socket;  ///< path of its admin.sock; empty: by TCP
  std::string host = "127.0.0.1", port = "80";
  std::string base_url = "/";  ///< begins and ends with '/'
  secret token;                ///< empty: none
  bool tls = false;
  tls_files files;
  std::string name;  ///< for people

  bool local() const noexcept { return !socket.empty(); }
};

/// "http://HOST[:PORT]/BASE/" or https, nothing else.
result<daemon_address> address_of_url(const std::string& url, std::string token);
/// RUNTIME/admin.sock.
daemon_address address_of_runtime(const std::string& runtime_dir);

using clock = std::chrono::steady_clock;

/// Not blocking; one thread. Closed by its destruction.
class connection {
public:
  /// exit_code::unreachable where nobody listens.
  static outcome<connection> open(const daemon_address&, clock::time_point until);

  /// All of it, or a failure.
  outcome<void> write(std::string_view bytes, clock::time_point until);
  /// At least one byte is there, or 0 at the end of the stream. exit_code::timed_out at `until`.
  outcome<std::size_t> read(std::span<char> into, clock::time_point until);
  int fd() const noexcept { return fd_.get(); }
  /// Some bytes are here already, and poll(2) would not tell.
  bool pending() const { return tls_ && tls_->pending(); }
  const std::string& name() const noexcept { return name_; }

private:
  connection(unique_fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  outcome<void> secure(const daemon_address&, clock::time_point until);
  failure lost(const std::string& why) const;

  unique_fd fd_;
  std::unique_ptr<tls_client> tls_;
  std::string name_;
};

}  // namespace kmux::cli
