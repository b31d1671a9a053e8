#include "protocol/io/wire_message.hpp"

namespace kmux {

wire_message::wire_message(frame_list&& frames) : frames_(std::move(frames)) {
  const std::size_t count = frames_.size();
  if (count > few_.size()) more_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view frame = frames_.view(i);
    bytes_ += frame.size();
    (more_.empty() ? few_[i] : more_[i]) = frame;
  }
}

errc wire_message::decode(const message_limits& limits) {
  if (bytes_ > limits.max_bytes) return errc::too_large;
  const auto views = more_.empty() ? std::span<const std::string_view>(few_.data(), frames_.size())
                                   : std::span<const std::string_view>(more_);
  return decode_wire(views, limits, view_);
}

}  // namespace kmux
