#pragma once
// A message on its way to clients, framed at most once for each WebSocket protocol.

#include <memory>
#include <string_view>

#include "daemon/http/outgoing.hpp"
#include "protocol/message.hpp"

namespace kmux::daemon {

enum class ws_protocol { v1, legacy };

/// Made on the stack for one fan-out. `keep` owns what the views point into.
class delivery {
public:
  delivery(channel c, const message_view& message, std::string_view msg_id,
           std::string_view msg_type, std::shared_ptr<const void> keep)
      : channel_(c),
        message_(message),
        msg_id_(msg_id),
        msg_type_(msg_type),
        keep_(std::move(keep)) {}

  /// nullptr where the message cannot be said in that protocol: its dictionaries are no JSON
  /// objects in UTF-8, which inside of a text frame would break the frame.
  const outgoing_ptr& frame(ws_protocol);

private:
  channel channel_;
  const message_view& message_;
  std::string_view msg_id_, msg_type_;
  std::shared_ptr<const void> keep_;
  outgoing_ptr v1_, legacy_;
  bool legacy_tried_ = false;
};

}  // namespace kmux::daemon
