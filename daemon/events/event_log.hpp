#pragma once
// The numbered events of a daemon: the newest in memory, and more of them in a file.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "daemon/events/event_line.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::daemon {

/// FILE has a line of JSON for each, and becomes FILE.1 when it has half of `most_bytes`: the one
/// before that goes. FILE.number holds the newest number, so that none is given twice even where
/// FILE could not be written; a lock on it keeps a second daemon away. Each event is written at
/// once, by write(2): it outlives the process, however that ends. Where it cannot be written it is
/// in memory only, and written later if it is still there then.
///
/// One thread. Knows no clock: times are microseconds since 1970.
class event_log {
public:
  /// `most_bytes` 0: in memory only, but for the number.
  event_log(std::string file, std::size_t most_bytes);

  /// Takes up what is there. Reads the newest only.
  void open();
  /// From now on; 0 removes the files.
  void set_most(std::size_t bytes);

  void add(std::int64_t time, std::string_view name, const event_members&);

  /// Those in memory, in the order of their numbers.
  const std::deque<stored_event>& newest() const noexcept { return newest_; }
  /// The number that was given last; 0: none yet.
  std::uint64_t last() const noexcept { return last_; }
  /// The smallest number in memory; that of the next event where there is none.
  std::uint64_t first_in_memory() const noexcept {
    return newest_.empty() ? last_ + 1 : newest_.front().number;
  }
  const std::string& file() const noexcept { return file_; }
  /// Why events are in memory only at the moment; empty: they are not.
  const std::string& trouble() const noexcept { return trouble_; }
  /// Lines that open() found to be no events.
  std::uint64_t damaged() const noexcept { return damaged_; }

private:
  std::size_t most_in_memory() const noexcept;
  void keep(stored_event);
  bool take_lock();
  bool open_file();
  bool make_room(std::size_t bytes);
  bool write_new();
  void write_down(std::int64_t now);
  void note_number() const;
  bool fail(std::string_view what);

  std::string file_;
  std::size_t most_;
  unique_fd fd_, number_;
  std::size_t size_ = 0;  ///< of FILE
  bool torn_ = false;     ///< FILE's last line has no end
  std::deque<stored_event> newest_;
  std::size_t bytes_ = 0;      ///< of newest_
  std::uint64_t last_ = 0;     ///< given
  std::uint64_t written_ = 0;  ///< in FILE
  std::string trouble_;
  std::int64_t again_at_ = 0;
  std::uint64_t damaged_ = 0;
};

}  // namespace kmux::daemon
