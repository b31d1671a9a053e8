#pragma once
// What the process itself wrote, bounded.

#include <string>
#include <string_view>

#include "proc/unique_fd.hpp"

namespace kmux::child {

/// A file that keeps the newest part: when it would pass the limit, its older half goes. One
/// writer.
class bounded_log {
public:
  /// An empty path: everything is thrown away. A file that cannot be opened is the same.
  bounded_log(const std::string& path, std::size_t limit);

  void append(std::string_view);

private:
  void make_room();

  unique_fd fd_;
  std::size_t limit_, size_ = 0;
};

}  // namespace kmux::child
