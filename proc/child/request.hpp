#pragma once
// A request that came in on shell, control or stdin.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "proc/child/multipart.hpp"
#include "protocol/header.hpp"
#include "protocol/signer.hpp"
#include "protocol/wire_message.hpp"

namespace kmux::child {

/// Verified, and its header looked into.
struct request {
  std::shared_ptr<const wire_message<frame_list>> wire;
  header head;
  channel from = channel::shell;

  std::span<const std::string_view> identities() const { return wire->view().identities; }
  const message_view& message() const { return wire->message(); }
};

/// Takes each request once: a client that does not know whether one has arrived sends it again, and
/// what came of it reaches that client all the same. Of the last 8192.
class request_guard {
public:
  bool admit(const header& head) {
    if (head.session.empty() || head.msg_id.empty()) return true;
    key_.assign(head.session).append(1, '\0').append(head.msg_id);
    const std::size_t hash = std::hash<std::string>()(key_);
    if (!taken_.insert(hash).second) return false;
    order_.push_back(hash);
    if (order_.size() > most) {
      taken_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }

private:
  static constexpr std::size_t most = 8192;
  std::unordered_set<std::size_t> taken_;  ///< hashes
  std::deque<std::size_t> order_;
  std::string key_;
};

/// Whether a message is what it says it is: signed with our key, not seen before, and with a header
/// that says what it is. One for each socket.
class message_judge {
public:
  explicit message_judge(std::string_view key) : signer_(key) {}

  /// Its header goes into `head`.
  bool admit(const wire_view& wire, header& head) {
    // The signature first: nobody without the key gets as far as the JSON.
    return signer_.verify(wire.message, wire.signature) && replays_.admit(wire.signature) &&
           peek_header(wire.message.header, head) == errc::ok && !head.msg_type.empty();
  }

private:
  signer signer_;
  replay_guard replays_;
};

/// Turns frames into requests. What is malformed, unsigned, replayed or sent again is counted and
/// dropped: it never ends a kernel. One for each channel.
class request_reader {
public:
  request_reader(std::string_view key, channel from) : judge_(key), from_(from) {}

  std::optional<request> read(frame_list&& frames) {
    auto wire = std::make_shared<wire_message<frame_list>>(std::move(frames));
    request out;
    const bool good = wire->decode(limits_) == errc::ok && judge_.admit(wire->view(), out.head) &&
                      taken_.admit(out.head);
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
  message_judge judge_;
  channel from_;
  request_guard taken_;
  std::uint64_t dropped_ = 0;
};

}  // namespace kmux::child
