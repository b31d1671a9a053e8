#pragma once
// A request that came in on shell, control or stdin.

#include <memory>

#include "proc/child/multipart.hpp"
#include "protocol/header.hpp"
#include "protocol/signer.hpp"
#include "protocol/wire_message.hpp"

namespace kmux::child {

/// The sockets of a kernel that carry messages.
enum class channel : unsigned char { shell, control, stdin_, iopub };

/// Verified, and its header looked into.
struct request {
  std::shared_ptr<const wire_message<frame_list>> wire;
  header head;
  channel from = channel::shell;

  std::span<const std::string_view> identities() const { return wire->view().identities; }
  const message_view& message() const { return wire->message(); }
};

/// Turns frames into requests. What is malformed, unsigned or replayed is counted and dropped: it
/// never ends a kernel. One for each thread.
class request_reader {
public:
  request_reader(std::string_view key, channel from) : signer_(key), from_(from) {}

  std::optional<request> read(frame_list&& frames) {
    auto wire = std::make_shared<wire_message<frame_list>>(std::move(frames));
    request out;
    // The signature first: nobody without the key gets as far as the JSON.
    const bool good = wire->decode(limits_) == errc::ok &&
                      signer_.verify(wire->message(), wire->view().signature) &&
                      replays_.admit(wire->view().signature) &&
                      peek_header(wire->message().header, out.head) == errc::ok &&
                      !out.head.msg_type.empty();
    if (!good) {
      ++dropped_;
      return std::nullopt;
    }
    out.wire = std::move(wire);
    out.from = from_;
    return out;
  }
  std::uint64_t dropped() const noexcept { return dropped_; }

private:
  message_limits limits_;
  signer signer_;
  channel from_;
  replay_guard replays_;
  std::uint64_t dropped_ = 0;
};

}  // namespace kmux::child
