#pragma once
// The writing side of a journal: one process, one thread at a time.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proc/journal/record.hpp"
#include "proc/journal/segments.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::journal {

/// Numbers what it is given and keeps it in a directory, bounded: the oldest segments go first.
///
/// append() only copies; flush() hands everything to the system in one write, before which nobody
/// may be told of it. What was flushed outlives this process however it ends. Where the disk
/// refuses (it is full, the directory is gone), what is appended is numbered all the same and not
/// kept, a second later it is tried again, and readers see a gap.
class writer {
public:
  using clock = std::chrono::steady_clock;

  struct settings {
    std::string directory;
    std::uint64_t most_bytes = std::uint64_t{256} << 20;  ///< of all segments
    std::chrono::seconds most_age{0};   ///< nothing older is kept once more is said; 0: any
    std::uint64_t after = 0;            ///< the first number is larger than this, too
    std::chrono::milliseconds sync{0};  ///< between two fdatasync(2); 0: never
  };
  /// Told when recording fails, with the reason, and when it goes on, with "".
  using trouble = std::function<void(const std::string& reason)>;

  /// Continues after what is in the directory. Never throws for a disk's sake.
  writer(settings, trouble);
  ~writer() { flush(); }

  /// The message's number.
  std::uint64_t append(kind, std::vector<std::string_view> frames);
  /// Has the number of the message before.
  void note(kind, std::vector<std::string_view> frames);
  void flush();
  /// The number given last.
  std::uint64_t last() const noexcept { return last_; }
  bool failing() const noexcept { return failing_; }

  static constexpr std::chrono::milliseconds retry{1000};
  static constexpr std::size_t buffered = 256 << 10;  ///< bytes; then it is flushed
  static constexpr std::size_t copied = 64 << 10;  ///< a longer record is written from its frames
  static constexpr std::uint64_t least_segment = 64 << 10, most_segment = 8 << 20;
  static constexpr std::size_t most_segments = 1024;
  static constexpr int segments_an_age = 8;  ///< so that most_age is kept to an eighth

private:
  void add(record);
  void write_large(const record&);
  bool ready(std::size_t bytes);
  bool open();
  bool begin_segment(std::uint64_t first);
  bool write(std::span<const std::string_view> pieces);
  bool has_room(std::uint64_t bytes) const;
  void remove_old(std::uint64_t coming);
  bool fail(const std::string& why);  ///< false
  std::uint64_t segment_bytes() const;

  settings settings_;
  trouble trouble_;
  unique_fd directory_, lock_, segment_;
  mode_t mode_ = 0600;            ///< of its files
  std::deque<segment> segments_;  ///< the last is being written
  std::uint64_t total_ = 0;       ///< bytes of all of them
  std::uint64_t last_ = 0;
  std::string buffer_;
  std::uint64_t buffer_first_ = 0;  ///< the first number in it
  bool failing_ = false;
  clock::time_point retry_at_{}, synced_{}, begun_{};  ///< begun_: the segment
};

}  // namespace kmux::journal
