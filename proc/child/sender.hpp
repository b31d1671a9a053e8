#pragma once
// What a kernel says, from any thread.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "proc/child/composer.hpp"
#include "proc/child/outbox.hpp"
#include "proc/child/request.hpp"

namespace kmux::child {

/// Makes messages and puts them into the outbox. Any thread but the control loop's, which must not
/// wait for room; it has a composer of its own.
class sender {
public:
  sender(std::string_view key, const std::string& session, outbox& out)
      : out_(out), composer_(key, session, "s") {}

  /// On iopub; `parent` may be nullptr.
  void publish(const request* parent, outgoing_message, outbox::haste = outbox::haste::soon);
  void status(const request&, std::string_view state);
  /// On the channel that the request came from, or another.
  void reply(const request&, std::string_view type, std::string_view content,
             std::string_view metadata = "{}");
  void send(channel, const request&, std::string_view type, std::string_view content,
            std::string_view metadata = "{}");
  /// Text of a stream. Waits for room.
  void write(const std::shared_ptr<const request>& parent, std::string_view name,
             std::string_view text);

  outbox& out() noexcept { return out_; }

private:
  outbox& out_;
  std::mutex mutex_;  ///< of composer_
  composer composer_;
};

/// "execute_request" → "execute_reply"
std::string reply_type(std::string_view request_type);

}  // namespace kmux::child
