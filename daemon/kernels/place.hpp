#pragma once
// Where one client is in a kernel's numbered messages. Pure.

#include <cstdint>
#include <optional>

namespace kmux::daemon {

/// Numbers that a client will never see: first and last.
struct message_gap {
  std::uint64_t first, last;
};

/// A client is *live* or *behind*. Live, it takes each message as it comes; one whose number is not
/// the next means that something is missing, and puts it behind, as do its own slowness and a
/// cursor of earlier days. Behind, it is fed from the journal, and nothing else, until it has what
/// has come meanwhile. So each number is delivered once and in order, or its gap is told.
class place {
public:
  /// Nothing before the next message: `head` is the newest number known; 0: none.
  static place at_end(std::uint64_t head) {
    place p;
    if (head != 0) p.position_ = head;
    return p;
  }
  /// Everything above `number`.
  static place after(std::uint64_t number) {
    place p;
    p.position_ = number;
    p.behind_ = true;
    return p;
  }

  bool behind() const noexcept { return behind_; }
  /// The newest number that was given to the client; nothing before there was a message.
  std::optional<std::uint64_t> position() const noexcept { return position_; }

  /// A message has come. True: it is the next for this client.
  bool on_message(std::uint64_t number) noexcept {
    if (behind_) return false;
    if (!position_) position_ = number - 1;
    if (number <= *position_) return false;
    behind_ = number > *position_ + 1;
    if (!behind_) position_ = number;
    return !behind_;
  }

  /// Live no more: from now on from the journal, as the client takes it.
  void fall_behind() noexcept {
    if (position_) behind_ = true;
  }

  /// The journal has given this one. False: the client has it already. `gap`: what is missing
  /// before it.
  bool on_stored(std::uint64_t number, std::optional<message_gap>& gap) noexcept {
    if (number <= *position_) return false;
    if (number > *position_ + 1) gap = message_gap{*position_ + 1, number - 1};
    position_ = number;
    return true;
  }

  /// The journal has no more. `before`: the newest number that was known before it was asked,
  /// which was therefore written, if it was ever; `now`: the newest known now. True: live again.
  bool on_journal_end(std::uint64_t before, std::uint64_t now,
                      std::optional<message_gap>& gap) noexcept {
    if (before > *position_) {
      gap = message_gap{*position_ + 1, before};
      position_ = before;
    }
    behind_ = now > *position_;
    return !behind_;
  }

private:
  std::optional<std::uint64_t> position_;
  bool behind_ = false;
};

}  // namespace kmux::daemon
