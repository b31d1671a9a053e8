#pragma once
// A client's WebSocket to kmuxd (RFC 6455), for a program that waits.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/cli/daemon_client.hpp"

namespace kmux::cli {

/// One thread. Answers pings by itself, which confirms to kmuxd what was received.
class ws_client {
public:
  struct message {
    std::string payload;
    bool text = true;
  };

  static outcome<ws_client> open(const daemon_client&, const std::string& path,
                                 clock::time_point until);

  outcome<void> send(std::string_view text);
  /// Nothing: none came before `until`, or a signal did. A failure is the end of it; then
  /// close_code() says why, where the other side has.
  outcome<std::optional<message>> receive(clock::time_point until);
  /// Says goodbye, without waiting for the answer.
  void close();

  int fd() const noexcept { return to_.fd(); }
  /// A message is there already, and poll(2) would not tell.
  bool buffered() const { return !buffer_.empty() || to_.pending(); }
  std::uint16_t close_code() const noexcept { return close_code_; }
  const std::string& close_reason() const noexcept { return close_reason_; }

private:
  struct frame {
    std::uint8_t opcode = 0;
    bool last = true;
    std::string payload;
  };

  ws_client(connection to, std::string rest) : to_(std::move(to)), buffer_(std::move(rest)) {}
  outcome<void> send_frame(std::uint8_t opcode, std::string_view payload);
  outcome<std::optional<frame>> take_frame();
  outcome<std::optional<message>> on_frame(frame);
  failure closed(const frame&);
  bool wait(clock::time_point until) const;

  connection to_;
  std::string buffer_;
  message partial_;
  std::uint16_t close_code_ = 0;
  std::string close_reason_;
};

}  // namespace kmux::cli
