#pragma once
// What each client of a kernel has confirmed, in a file.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proc/unique_fd.hpp"

namespace kmux::journal {

/// Session → the number up to which it has everything. Each change is one pwrite(2) of one entry,
/// and so outlives this process however it ends. A broken entry is as if it had never been. Beyond
/// `most` sessions the one that has been quiet for longest is forgotten. One thread.
class cursors {
public:
  explicit cursors(std::string path, std::size_t most = 1000)
      : path_(std::move(path)), most_(most) {}

  std::optional<std::uint64_t> find(std::string_view session);
  /// False where the file cannot be written: what was set is good until this process ends.
  bool set(std::string_view session, std::uint64_t number);
  /// The name that the session's messages have in their headers, where it is another one.
  std::string_view alias(std::string_view session);
  bool set_alias(std::string_view session, std::string_view alias);

  /// Gives back file and memory, until it is asked again.
  void close();

  static constexpr std::size_t longest_name = 256;  ///< bytes; a longer one is not kept

private:
  struct entry {
    std::uint64_t number = 0;
    std::int64_t used = 0;  ///< grows with each change
    std::string session, alias;
  };

  void load();
  entry* look(std::string_view session);
  entry& make(std::string_view session);
  bool save(entry&);

  std::string path_;
  std::size_t most_;
  bool loaded_ = false;
  unique_fd file_;
  std::vector<entry> entries_;  ///< by their places in the file
  std::int64_t clock_ = 0;
};

}  // namespace kmux::journal
