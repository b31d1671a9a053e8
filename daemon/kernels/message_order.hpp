#pragma once
// A kernel's numbered messages, which come over several sockets, in their order. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace kmux::daemon {

/// What has come before its turn is kept until what is missing has come, or until skip(): then it
/// goes by without (the journal has it). Bounded: beyond `most_kept` messages or `most_bytes`
/// nothing is waited for.
template <class Message>
class message_order {
public:
  static constexpr std::size_t most_kept = 1000;
  static constexpr std::size_t most_bytes = std::size_t{64} << 20;

  enum class turn { now, early, late };
  /// `now`: hand it on, and then what take() gives. `early`: keep() it. `late`: it has gone by.
  turn judge(std::uint64_t number) noexcept {
    if (newest_ != 0 && number <= newest_) return turn::late;
    if (newest_ != 0 && number != newest_ + 1) return turn::early;
    newest_ = number;
    return turn::now;
  }
  void keep(std::uint64_t number, std::size_t bytes, Message message) {
    if (kept_.emplace(number, entry{std::move(message), bytes}).second) bytes_ += bytes;
  }
  /// The next of those that were kept, if it is its turn.
  std::optional<Message> take() {
    if (kept_.size() > most_kept || bytes_ > most_bytes) skip();
    if (kept_.empty() || kept_.begin()->first > newest_ + 1) return std::nullopt;
    newest_ = kept_.begin()->first;
    std::optional<Message> out(std::move(kept_.begin()->second.message));
    bytes_ -= kept_.begin()->second.bytes;
    kept_.erase(kept_.begin());
    return out;
  }
  /// What is missing is not waited for any more.
  void skip() {
    if (!kept_.empty()) newest_ = kept_.begin()->first - 1;
  }
  bool waiting() const noexcept { return !kept_.empty(); }
  /// The newest number that was handed on; 0 before there was one.
  std::uint64_t newest() const noexcept { return newest_; }

private:
  struct entry {
    Message message;
    std::size_t bytes;
  };
  std::uint64_t newest_ = 0;
  std::map<std::uint64_t, entry> kept_;
  std::size_t bytes_ = 0;  ///< of all that is kept
};

}  // namespace kmux::daemon
