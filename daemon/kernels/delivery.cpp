#include "daemon/kernels/delivery.hpp"

#include <spdlog/spdlog.h>

#include "protocol/ws_legacy.hpp"
#include "protocol/ws_v1.hpp"

namespace kmux::daemon {

const outgoing_ptr& delivery::frame(ws_protocol protocol) {
  if (protocol == ws_protocol::v1) {
    if (!v1_) v1_ = make_ws_frame(encode_ws_v1(channel_, message_), keep_);
    return v1_;
  }
  if (!legacy_tried_) {
    legacy_tried_ = true;
    if (is_legacy_safe(message_)) {
      legacy_ = make_ws_frame(encode_ws_legacy(channel_, message_, msg_id_, msg_type_), keep_);
    } else {
      spdlog::warn(
          "event=message_not_text msg_type={} error=\"not JSON in UTF-8; dropped for "
          "clients of the legacy protocol\"",
          msg_type_);
    }
  }
  return legacy_;
}

}  // namespace kmux::daemon
