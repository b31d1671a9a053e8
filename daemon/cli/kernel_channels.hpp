#pragma once
// One client on a kernel: sends requests, receives what the kernel says, and comes back after
// kmuxd was away.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/cli/ws_client.hpp"
#include "protocol/message.hpp"

namespace kmux::cli {

/// What a kernel has said. The parts are JSON.
struct said {
  std::string json;  ///< all of it, as one object
  std::uint64_t seq = 0;
  std::string channel, type, msg_id, session;
  std::string header;
  std::string parent_id, parent_session;
  std::string content;
};

/// A client that counts (`resume=N`): across a restart or an upgrade of kmuxd nothing is lost and
/// nothing comes twice. One thread.
class kernel_channels {
public:
  /// Everything above `after`, then what comes.
  static outcome<kernel_channels> open(const daemon_client&, std::string kernel,
                                       std::uint64_t after);

  /// `content` is a JSON object. Returns the msg_id.
  outcome<std::string> send(channel, std::string_view type, std::string_view content);
  /// To a question: `parent` is its header.
  outcome<void> answer(std::string_view question, std::string_view value);

  /// Nothing: none came before `until`, or a signal did.
  outcome<std::optional<said>> receive(clock::time_point until);
  void close() { socket_->close(); }

  int fd() const noexcept { return socket_->fd(); }
  bool buffered() const noexcept { return socket_->buffered(); }
  const std::string& session() const noexcept { return session_; }
  const std::string& kernel() const noexcept { return kernel_; }

private:
  kernel_channels(const daemon_client& daemon, std::string kernel, std::uint64_t after);
  outcome<void> connect(clock::time_point until);
  outcome<void> come_back(const failure& why);
  outcome<void> send_message(channel, const std::string& msg_id, std::string_view type,
                             std::string_view parent, std::string_view content);
  std::optional<said> read(const ws_client::message&);

  const daemon_client* daemon_;
  std::string kernel_, session_;
  std::uint64_t seen_;
  std::unique_ptr<ws_client> socket_;  ///< once connected
  /// Sent, and not known to have arrived: sent again, with the same msg_id, which a kernel takes
  /// once.
  std::map<std::string, std::string> unanswered_;
};

}  // namespace kmux::cli
