#pragma once
// Making signed messages.

#include <span>
#include <string>
#include <string_view>

#include "proc/child/multipart.hpp"
#include "protocol/signer.hpp"

namespace kmux::child {

/// What a message says; the views are copied into frames.
struct outgoing_message {
  std::string_view type;
  std::string_view parent_header = "{}";
  std::string_view content = "{}";
  std::string_view metadata = "{}";
  std::span<const std::string_view> buffers = {};
};

/// One for each thread. `session` is the kernel's; `tag` keeps two composers' msg_ids apart.
class composer {
public:
  composer(std::string_view key, std::string session, std::string_view tag);

  /// With the identities of the request, for a reply.
  frame_list reply(std::span<const std::string_view> identities, const outgoing_message&);
  /// With the topic kernel.SESSION.TYPE, for iopub.
  frame_list broadcast(const outgoing_message&);

  /// The bytes of the message that was made last.
  std::size_t bytes() const noexcept { return bytes_; }

private:
  void append(frame_list&, const outgoing_message&);
  std::string make_header(std::string_view type);

  signer signer_;
  std::string session_, tag_;
  std::uint64_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace kmux::child
