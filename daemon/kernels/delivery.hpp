#pragma once
// A message on its way to clients, framed at most once for each WebSocket protocol.

#include <cstdint>
#include <memory>
#include <string_view>

#include "daemon/http/outgoing.hpp"
#include "protocol/message.hpp"

namespace kmux::daemon {

enum class ws_protocol { v1, legacy };
/// A counting client finds each message's number in its metadata: "kmux": {"seq": N}.
enum class numbering { hidden, shown };

/// Made on the stack for one fan-out. `keep` owns what the views point into.
class delivery {
public:
  delivery(channel c, const message_view& message, std::string_view msg_id,
           std::string_view msg_type, std::shared_ptr<const void> keep, std::uint64_t number = 0,
           bool kept = true)
      : channel_(c),
        message_(message),
        msg_id_(msg_id),
        msg_type_(msg_type),
        keep_(std::move(keep)),
        number_(number),
        kept_(kept) {}
  delivery(const delivery&) = delete;
  delivery& operator=(const delivery&) = delete;

  /// nullptr where the message cannot be said in that protocol: its dictionaries are no JSON
  /// objects in UTF-8, which inside of a text frame would break the frame.
  const outgoing_ptr& frame(ws_protocol, numbering = numbering::hidden);
  channel from() const noexcept { return channel_; }
  /// In the kernel's journal; 0: it is not one of the kernel's.
  std::uint64_t number() const noexcept { return number_; }
  /// It can be read there later.
  bool kept() const noexcept { return kept_; }
  std::string_view parent_header() const noexcept { return message_.parent_header; }

private:
  outgoing_ptr make(ws_protocol, const message_view&, const std::shared_ptr<const void>&);

  channel channel_;
  const message_view& message_;
  std::string_view msg_id_, msg_type_;
  std::shared_ptr<const void> keep_;
  std::uint64_t number_;
  bool kept_;
  struct attempt {
    bool made = false;
    outgoing_ptr frame;
  };
  attempt frames_[2][2];  ///< by protocol and numbering
};

}  // namespace kmux::daemon
