#pragma once
// How much the journals take, and how much room there is.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/async/blocking.hpp"
#include "daemon/async/task_group.hpp"
#include "proc/supervise/directories.hpp"

namespace kmux::daemon {

/// A file system that one of our directories is on, in bytes.
struct file_system {
  std::uint64_t size = 0, available = 0;  ///< available: to us, without what is root's
};

struct storage {
  std::unordered_map<std::string, std::uint64_t> journals;  ///< bytes, by kernel
  std::uint64_t journal_bytes = 0;                          ///< all of them
  std::optional<file_system> runtime, state;                ///< nullopt: it could not be asked
  std::uint64_t open_files = 0;                             ///< of this process
};

/// Looks into a directory for each kernel, which takes long where there are a thousand and for ever
/// where a disk hangs: so it is done off the loop, and who asks is given what was found before.
/// Loop thread only; what is given by reference outlives it.
class storage_probe {
public:
  using clock = std::chrono::steady_clock;

  storage_probe(const supervise::directories& files, blocking& disk, task_group& tasks)
      : files_(files), disk_(disk), tasks_(tasks) {}

  /// nullptr until the first look has ended.
  const storage* last() const noexcept { return last_ ? &*last_ : nullptr; }
  /// Looks again, unless it does already or has a moment ago.
  void refresh(std::vector<std::string> kernels);

private:
  boost::asio::awaitable<void> look(std::vector<std::string> kernels);

  const supervise::directories& files_;
  blocking& disk_;
  task_group& tasks_;
  bool looking_ = false;
  std::optional<clock::time_point> looked_;
  std::optional<storage> last_;
};

}  // namespace kmux::daemon
