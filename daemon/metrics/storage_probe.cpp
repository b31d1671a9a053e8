#include "daemon/metrics/storage_probe.hpp"

#include <algorithm>
#include <filesystem>
#include <span>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "proc/journal/segments.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr auto pause = std::chrono::seconds(5);  ///< between two looks
/// So many kernels at a time, and then others who want the thread, or its processor.
constexpr std::size_t piece = 20;
constexpr auto breath = std::chrono::milliseconds(10);

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

/// Linux says it since 6.2 (proc(5)); before, thousands have to be counted.
std::uint64_t open_files() {
  struct stat about {};
  if (::stat("/proc/self/fd", &about) == 0 && about.st_size > 0) {
    return static_cast<std::uint64_t>(about.st_size);
  }
  std::error_code ec;
  std::uint64_t out = 0;
  for (fs::directory_iterator each("/proc/self/fd", ec), end; !ec && each != end;
       each.increment(ec))
    ++out;
  return out > 0 ? out - 1 : 0;  // one of them is the directory that is being read
}

std::vector<std::uint64_t> sizes_of(const supervise::directories& files,
                                    const std::vector<std::string>& kernels) {
  std::vector<std::uint64_t> out;
  out.reserve(kernels.size());
  for (const auto& id : kernels)
    out.push_back(journal_bytes(files.written_state(id)));
  return out;
}

storage look_at(const supervise::directories& files) {
  storage out;
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
  auto rest = [&files = files_] { return look_at(files); };
  auto found = co_await disk_.run(std::move(rest));
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (std::size_t at = 0; at < kernels.size(); at += piece) {
    const auto some = std::span(kernels).subspan(at, std::min(piece, kernels.size() - at));
    auto work = [&files = files_, ids = std::vector(some.begin(), some.end())] {
      return sizes_of(files, ids);
    };
    const auto sizes = co_await disk_.run(std::move(work));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      found.journals[some[i]] = sizes[i];
      found.journal_bytes += sizes[i];
    }
    timer.expires_after(breath);
    co_await timer.async_wait(as_result);
  }
  last_ = std::move(found);
  looked_ = clock::now();
  looking_ = false;
}

}  // namespace kmux::daemon
