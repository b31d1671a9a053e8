#pragma once
// A received multipart message, and what it decodes to.

#include <array>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/wire.hpp"

namespace kmux {

/// Immutable once decoded; shared by everything that still has to send parts of it. Neither copied
/// nor moved, because `view()` points into it. `Frames` own the bytes: size(), view(i).
template <class Frames>
class wire_message {
public:
  explicit wire_message(Frames&& frames) : frames_(std::move(frames)) {
    const std::size_t count = frames_.size();
    if (count > few_.size()) more_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view frame = frames_.view(i);
      bytes_ += frame.size();
      (more_.empty() ? few_[i] : more_[i]) = frame;
    }
  }
  wire_message(const wire_message&) = delete;
  wire_message& operator=(const wire_message&) = delete;

  /// Splits the frames (see decode_wire). To be called once, before the message is shared.
  errc decode(const message_limits& limits) {
    if (bytes_ > limits.max_bytes) return errc::too_large;
    return decode_wire(views(), limits, view_);
  }

  const wire_view& view() const noexcept { return view_; }
  const message_view& message() const noexcept { return view_.message; }
  std::size_t bytes() const noexcept { return bytes_; }

private:
  std::span<const std::string_view> views() const noexcept {
    if (more_.empty()) return {few_.data(), frames_.size()};
    return more_;
  }

  Frames frames_;
  std::size_t bytes_ = 0;
  std::array<std::string_view, 8> few_;  ///< a typical message has no more, and allocates nothing
  std::vector<std::string_view> more_;   ///< instead of few_, where there are more frames
  wire_view view_;
};

}  // namespace kmux
