#include "daemon/kernels/delivery.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "protocol/ws_legacy.hpp"
#include "protocol/ws_v1.hpp"

namespace kmux::daemon {

namespace {

/// With the number as its first member.
std::string numbered_metadata(std::string_view metadata, std::uint64_t number) {
  const auto open = metadata.find('{');
  const auto first = metadata.find_first_not_of(" \t\r\n", open + 1);
  if (open == std::string_view::npos || first == std::string_view::npos) {
    return fmt::format(R"({{"kmux": {{"seq": {}}}}})", number);
  }
  return fmt::format(R"({{"kmux": {{"seq": {}}}{}{})", number, metadata[first] == '}' ? "" : ", ",
                     metadata.substr(first));
}

struct numbered_message {
  std::string metadata;
  std::shared_ptr<const void> rest;
};

}  // namespace

const outgoing_ptr& delivery::frame(ws_protocol protocol, numbering shown) {
  attempt& wanted = frames_[static_cast<int>(protocol)][static_cast<int>(shown)];
  if (wanted.made) return wanted.frame;
  wanted.made = true;
  if (shown == numbering::hidden || number_ == 0) {
    wanted.frame = make(protocol, message_, keep_);
  } else {
    const auto keep = std::make_shared<numbered_message>(
        numbered_message{numbered_metadata(message_.metadata, number_), keep_});
    message_view numbered = message_;
    numbered.metadata = keep->metadata;
    wanted.frame = make(protocol, numbered, keep);
  }
  return wanted.frame;
}

outgoing_ptr delivery::make(ws_protocol protocol, const message_view& message,
                            const std::shared_ptr<const void>& keep) {
  if (protocol == ws_protocol::v1) return make_ws_frame(encode_ws_v1(channel_, message), keep);
  if (is_legacy_safe(message)) {
    return make_ws_frame(encode_ws_legacy(channel_, message, msg_id_, msg_type_), keep);
  }
  spdlog::warn(
      "event=message_not_text msg_type={} error=\"not JSON in UTF-8; dropped for clients of the "
      "legacy protocol\"",
      msg_type_);
  return nullptr;
}

}  // namespace kmux::daemon
