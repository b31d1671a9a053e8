#pragma once
// Reads the files that the stream of events is kept in.

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/events/event_line.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::daemon {

/// FILE.1, then FILE, in the order of their numbers; also while a daemon writes them and begins
/// FILE anew. What is no event is skipped and counted. One thread; blocks.
class event_reader {
public:
  static constexpr std::size_t all = ~std::size_t{0};

  /// Of larger numbers than `after`, and of not much more than the newest bytes.
  explicit event_reader(std::string file, std::uint64_t after = 0, std::size_t newest = all);

  /// False at the end; there may be more later. A line that has no end yet may get one.
  bool next(stored_event&);
  /// At the end, where nobody writes any more: a last line that has all but its end.
  bool next_unended(stored_event&);
  /// Lines that were no events.
  std::uint64_t damaged() const noexcept { return damaged_; }
  std::uint64_t position() const noexcept { return position_; }

private:
  void skip_all_but(std::size_t newest);
  bool take(std::string_view line, stored_event&);
  bool read_more();
  bool next_file();

  std::string file_;
  std::uint64_t position_;
  unique_fd fd_, newer_;  ///< newer_: FILE, while FILE.1 is being read
  std::string buffer_;
  std::size_t taken_ = 0;  ///< of buffer_
  bool skipping_ = false;  ///< up to the line's end
  std::uint64_t damaged_ = 0;
};

/// A regular file, links not followed; nothing where there is none.
unique_fd open_event_file(const std::string& path);

}  // namespace kmux::daemon
