#include "daemon/metrics/storage_probe.hpp"

#include <filesystem>
#include <sys/statvfs.h>
#include <utility>

#include "proc/journal/segments.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr auto pause = std::chrono::seconds(5);  ///< between two looks

std::optional<file_system> file_system_of(const std::string& directory) {
  struct statvfs found {};
  if (::statvfs(directory.c_str(), &found) != 0) return std::nullopt;
  const std::uint64_t unit = found.f_frsize;
  return file_system{unit * found.f_blocks, unit * found.f_bavail};
}

std::uint64_t journal_bytes(const std::string& directory) {
  const auto opened = journal::open_directory(directory);
  std::uint64_t out = 0;
  if (!opened) return out;
  for (const auto& each : journal::list_segments(opened.get()))
    out += each.bytes;
  return out;
}

std::uint64_t open_files() {
  std::error_code ec;
  std::uint64_t out = 0;
  for (fs::directory_iterator each("/proc/self/fd", ec), end; !ec && each != end;
       each.increment(ec))
    ++out;
  return out > 0 ? out - 1 : 0;  // one of them is the directory that is being read
}

storage look_at(const supervise::directories& files, const std::vector<std::string>& kernels) {
  storage out;
  for (const auto& id : kernels) {
    const auto bytes = journal_bytes(files.written_state(id));
    out.journals[id] = bytes;
    out.journal_bytes += bytes;
  }
  out.runtime = file_system_of(files.runtime());
  out.state = file_system_of(files.state());
  out.open_files = open_files();
  return out;
}

}  // namespace

void storage_probe::refresh(std::vector<std::string> kernels) {
  if (looking_ || (looked_ && clock::now() - *looked_ < pause)) return;
  looking_ = true;
  tasks_.spawn("storage_probe", look(std::move(kernels)));
}

asio::awaitable<void> storage_probe::look(std::vector<std::string> kernels) {
  auto work = [&files = files_, kernels = std::move(kernels)] { return look_at(files, kernels); };
  auto found = co_await disk_.run(std::move(work));
  last_ = std::move(found);
  looked_ = clock::now();
  looking_ = false;
}

}  // namespace kmux::daemon
