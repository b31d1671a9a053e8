#pragma once
// The end of a bounded log, and what is added to it.

#include <cstddef>
#include <cstdint>
#include <string>

namespace kmux {

/// Reads a file that another process appends to, and whose older half goes now and then
/// (bounded_log). One thread; opens the file anew each time, so that it may come later.
class log_tail {
public:
  /// Begins with its last `bytes`, at the start of a line.
  log_tail(std::string path, std::size_t bytes) : path_(std::move(path)), first_(bytes) {}

  /// What is new; empty: nothing. At most a MiB.
  std::string next();

private:
  std::uint64_t find_place(int fd, std::uint64_t size) const;

  std::string path_;
  std::size_t first_;
  bool begun_ = false;
  std::uint64_t offset_ = 0;
  std::string seen_;  ///< the last that was read: where to go on in a file that became shorter
};

}  // namespace kmux
