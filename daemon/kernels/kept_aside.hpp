#pragma once
// What a client that is behind will not find in the journal. Pure.

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace kmux::daemon {

/// While the journal cannot be written its messages are nowhere but here: for one client that is
/// being fed from the journal (see place), in the order of their numbers. Bounded: beyond
/// `most_bytes` nothing more is taken, and becomes a gap.
template <class Message>
class kept_aside {
public:
  struct entry {
    std::uint64_t number;
    std::size_t bytes;
    Message message;
  };

  /// `number` is larger than any before.
  void add(entry e, std::size_t most_bytes) {
    if (!entries_.empty() && bytes_ + e.bytes > most_bytes) return;
    bytes_ += e.bytes;
    entries_.push_back(std::move(e));
  }
  /// The first whose number is at the most that.
  std::optional<entry> take(std::uint64_t up_to) {
    if (entries_.empty() || entries_.front().number > up_to) return std::nullopt;
    std::optional<entry> out(std::move(entries_.front()));
    entries_.pop_front();
    bytes_ -= out->bytes;
    return out;
  }
  std::size_t bytes() const noexcept { return bytes_; }

private:
  std::deque<entry> entries_;
  std::size_t bytes_ = 0;  ///< of all of them
};

}  // namespace kmux::daemon
