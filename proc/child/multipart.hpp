#pragma once
// Whole messages through a libzmq socket, without waiting.

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include <zmq.hpp>

#include "protocol/zmtp.hpp"

namespace kmux::child {

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

/// The same message for libzmq: small frames are copied, large ones handed over.
inline frame_list to_frames(zmtp_message&& message) {
  frame_list out;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const std::string_view bytes = message.view(i);
    if (auto large = message.take_large(i)) {
      out.push_back(zmq::message_t(large.release(), bytes.size(),
                                   [](void* data, void*) { delete[] static_cast<char*>(data); }));
    } else {
      out.push_back(zmq::message_t(bytes.data(), bytes.size()));
    }
  }
  return out;
}

inline constexpr std::size_t most_frames =
    4200;  ///< what one message may have: 4096 buffers and the rest

/// One whole message into `frames`; false where there is none. A message of more than `most` frames
/// is read to its end and thrown away: `frames` is then empty.
inline bool receive_message(zmq::socket_t& socket, frame_list& frames,
                            std::size_t most = most_frames) {
  frames = {};
  bool overlong = false;
  for (bool more = true; more;) {
    zmq::message_t frame;
    if (!socket.recv(frame, zmq::recv_flags::dontwait)) return false;
    more = frame.more();
    if (frames.size() < most) {
      frames.push_back(std::move(frame));
    } else {
      overlong = true;
    }
  }
  if (overlong) frames = {};
  return true;
}

/// False, and nothing is sent, where the socket cannot take it now: only the first frame can meet a
/// full pipe, libzmq takes a multipart message whole. The frames are gone after a success.
inline bool send_message(zmq::socket_t& socket, frame_list& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto flags = i + 1 < frames.size() ? zmq::send_flags::dontwait | zmq::send_flags::sndmore
                                             : zmq::send_flags::dontwait;
    if (!socket.send(frames[i], flags)) return false;
  }
  return true;
}

/// The same for frames that stay with the caller.
inline bool send_copies(zmq::socket_t& socket, std::span<const std::string_view> frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto flags = i + 1 < frames.size() ? zmq::send_flags::dontwait | zmq::send_flags::sndmore
                                             : zmq::send_flags::dontwait;
    if (!socket.send(zmq::buffer(frames[i]), flags)) return false;
  }
  return true;
}

}  // namespace kmux::child
