#pragma once
// The connecting side of ZMTP 3.0, ZeroMQ's wire protocol, with the NULL mechanism: bytes in,
// messages out. https://rfc.zeromq.org/spec/23/
//
// Why not libzmq: its I/O thread costs two thread switches a message each way, and some 30 KiB a
// socket. See docs/architecture.md.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kmux {

/// A multipart message: its frames, and the memory that they lie in.
class zmtp_message {
public:
  std::size_t size() const noexcept { return frames_.size(); }
  std::string_view view(std::size_t i) const noexcept {
    const frame& f = frames_[i];
    return {f.large != nullptr ? f.large.get() : small_.data() + f.offset, f.size};
  }

  /// The memory of a large frame, for whoever wants to keep it without a copy; nullptr for a small
  /// one. view(i) is not to be used after it.
  std::unique_ptr<char[]> take_large(std::size_t i) noexcept { return std::move(frames_[i].large); }

private:
  friend class zmtp_reader;
  struct frame {
    std::size_t offset;  ///< in small_
    std::size_t size;
    std::unique_ptr<char[]> large;  ///< instead, for a frame that has memory of its own
  };
  std::string small_;  ///< the bytes of the small frames, one after the other
  std::vector<frame> frames_;
};

enum class zmtp_role : std::uint8_t { dealer, sub };

/// What the connecting peer says at once: greeting and READY. `routing_id` (dealer only) has at
/// most 200 bytes, and may be empty.
std::string zmtp_opening(zmtp_role, std::string_view routing_id);

/// What a sub peer says once the other is ready: that it wants every message.
std::string_view zmtp_subscription() noexcept;

/// The bytes before a frame's body: flags and size. `out` is where, the result how many.
inline constexpr std::size_t longest_zmtp_head = 9;
std::size_t write_zmtp_head(std::span<char, longest_zmtp_head> out, std::size_t size, bool more);

/// Takes the bytes of one connection as they come, cut anywhere. Owned by whoever reads the socket.
/// Memory: the message being read, within the limits; nothing between messages.
class zmtp_reader {
public:
  /// A message beyond these is read to its end and thrown away.
  struct limits {
    std::size_t max_bytes = std::size_t{512} << 20;
    std::size_t max_frames = 4200;
  };
  enum class event {
    starved,  ///< all input is used; more is needed
    ready,    ///< greeting and READY have come: messages may be sent
    message,  ///< take() it
    dropped,  ///< a message beyond the limits has passed
    broken,   ///< not a ZMTP peer for us: close the connection; problem() says why
  };

  zmtp_reader(zmtp_role role, limits most) : role_(role), limits_(most) {}

  /// Uses the front of `input`. Call until it says starved or broken.
  event read(std::string_view& input);
  /// The message that was told last.
  zmtp_message take() { return std::exchange(message_, {}); }

  /// The rest of a large frame may be received right here; empty where no large frame is begun.
  std::span<char> space() noexcept;
  /// So many bytes of space() have been written. Then call read(), perhaps with nothing.
  void filled(std::size_t n) noexcept { left_ -= n; }

  std::string_view problem() const noexcept { return problem_; }

private:
  enum class phase { greeting, handshake, traffic };
  enum class body { command, stored, skipped };

  bool collect_greeting(std::string_view& input);
  bool collect_head(std::string_view& input);
  void collect_body(std::string_view& input);
  bool judge_greeting();
  bool judge_ready();
  bool begin_frame();
  void begin_stored(std::size_t size);
  event end_message();
  bool fail(std::string_view why) noexcept;

  zmtp_role role_;
  limits limits_;
  phase phase_ = phase::greeting;
  std::string_view problem_;
  std::string opening_;  ///< the greeting, then READY; not used any more in traffic

  std::array<char, longest_zmtp_head> head_{};
  std::size_t head_size_ = 0;  ///< bytes in head_
  bool in_body_ = false, more_ = false;
  body body_ = body::stored;
  std::uint64_t left_ = 0;  ///< of the frame's body

  zmtp_message message_;
  std::size_t message_bytes_ = 0;
  bool skipping_ = false;  ///< the rest of a message beyond the limits
};

}  // namespace kmux
