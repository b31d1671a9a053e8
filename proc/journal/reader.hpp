#pragma once
// The reading side of a journal, which may be written to meanwhile. Trusts nothing that it reads.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proc/journal/record.hpp"
#include "proc/journal/segments.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::journal {

/// A record and what its frames point into.
struct stored_record : record {
  std::shared_ptr<const std::string> keep;
};

/// From one number on, in order. One thread at a time; blocks on the disk.
class reader {
public:
  struct settings {
    std::size_t most_record = most_record_default;  ///< a longer one is passed over
    std::size_t chunk = 256 << 10;                  ///< bytes of one read
  };
  /// Bytes between two records, of all that is read. Damage is far less; who writes more of it
  /// wants readers to be busy, and gets his journal read in part.
  static constexpr std::size_t most_damage = std::size_t{1} << 30;
  static constexpr std::size_t most_record_default = std::size_t{512} << 20;

  /// The first record has a number larger than `after`.
  reader(std::string directory, std::uint64_t after, settings);
  reader(std::string directory, std::uint64_t after)
      : reader(std::move(directory), after, settings()) {}
  /// In a directory that is open already, which must stay so.
  reader(int directory, std::uint64_t after);

  /// False: nothing more for now. A number that is not one more than the one before is a gap:
  /// damage, a disk that was full, or the journal's bound.
  bool next(stored_record& out);
  /// After next() was false: the system had no descriptor or memory for us. There may be more, and
  /// nothing is missing for that: ask again after a while.
  bool refused() const noexcept { return refused_; }
  static constexpr std::chrono::milliseconds refused_pause{100};
  /// How much may be read from now on: for who must not be kept. What is left of it.
  void set_patience(std::size_t bytes) noexcept { patience_ = bytes; }
  std::size_t patience() const noexcept { return patience_; }
  static constexpr std::size_t no_end = ~std::size_t{0};
  /// After next() was false: its patience was at an end, or it has seen so much that holds nothing
  /// that others should have their turn. There may be more: ask again, with patience.
  bool paused() const noexcept { return paused_; }

  /// The number of the record that was read last; at first `after`.
  std::uint64_t position() const noexcept { return after_; }

private:
  bool next_in_segment(stored_record& out);
  bool fill(std::size_t wanted);
  bool skip(std::size_t size);
  bool next_segment();
  std::uint64_t next_listed() const;
  bool refuse(int number);
  bool spend(std::size_t bytes);
  bool give_up();
  bool open_segment(std::uint64_t first);
  std::size_t find_whole(std::string_view bytes) const;

  std::string path_;
  settings settings_;
  std::uint64_t after_;
  unique_fd directory_, segment_;
  std::vector<segment> listed_;  ///< as it was when we last had to look
  std::uint64_t segment_first_ = 0;
  std::uint64_t offset_ = 0;  ///< in the file, of the end of what is in chunk_
  std::shared_ptr<std::string> chunk_;
  std::size_t at_ = 0;  ///< in chunk_
  int broken_ = 0;      ///< places in the segment where no record was
  bool begun_ = false;
  bool refused_ = false;
  bool paused_ = false;
  std::size_t patience_ = no_end;
  std::size_t damage_ = 0;  ///< bytes looked at and passed over, in all
};

/// The last number of the journal in an open directory; 0 where there is none. Where that takes
/// more than `patience` bytes, a number that is not above it.
std::uint64_t last_number(int directory, std::size_t patience = reader::no_end);

}  // namespace kmux::journal
