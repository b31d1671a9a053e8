#pragma once
// A received multipart message, and what it decodes to.

#include <array>
#include <memory>
#include <vector>

#include <zmq.hpp>

#include "protocol/error.hpp"
#include "protocol/wire.hpp"

namespace kmux {

/// The frames of one multipart message. The first few live inside: a typical message needs no
/// allocation of its own beyond what libzmq makes.
class frame_list {
public:
  static constexpr std::size_t inline_frames = 8;

  void push_back(zmq::message_t&& frame) {
    if (count_ < inline_frames) {
      few_[count_] = std::move(frame);
    } else {
      more_.push_back(std::move(frame));
    }
    ++count_;
  }
  std::size_t size() const noexcept { return count_; }
  zmq::message_t& operator[](std::size_t i) noexcept {
    return i < inline_frames ? few_[i] : more_[i - inline_frames];
  }
  std::string_view view(std::size_t i) const noexcept {
    const auto& frame = i < inline_frames ? few_[i] : more_[i - inline_frames];
    return {static_cast<const char*>(frame.data()), frame.size()};
  }

private:
  std::size_t count_ = 0;
  std::array<zmq::message_t, inline_frames> few_;
  std::vector<zmq::message_t> more_;
};

/// Immutable once decoded; shared by everything that still has to send parts of it. Neither copied
/// nor moved, because `view()` points into it.
class wire_message {
public:
  explicit wire_message(frame_list&& frames);
  wire_message(const wire_message&) = delete;
  wire_message& operator=(const wire_message&) = delete;

  /// Splits the frames (see decode_wire). To be called once, before the message is shared.
  errc decode(const message_limits&);

  const wire_view& view() const noexcept { return view_; }
  const message_view& message() const noexcept { return view_.message; }
  std::size_t bytes() const noexcept { return bytes_; }

private:
  frame_list frames_;
  std::size_t bytes_ = 0;
  std::array<std::string_view, frame_list::inline_frames> few_;
  std::vector<std::string_view> more_;  ///< instead of few_, where there are more frames
  wire_view view_;
};

}  // namespace kmux
