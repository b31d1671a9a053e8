#include "proc/log_tail.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "proc/unique_fd.hpp"

namespace kmux {

namespace {

constexpr std::size_t most = 1 << 20;
constexpr std::size_t remembered = 256;

std::string read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::string out(size, '\0');
  ssize_t n = 0;
  do {
    n = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
  } while (n < 0 && errno == EINTR);
  out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return out;
}

}  // namespace

/// Its older half has gone: behind what was read last, or where that went too, at the beginning.
std::uint64_t log_tail::find_place(int fd, std::uint64_t size) const {
  const std::string all = read_at(fd, 0, std::min<std::uint64_t>(size, std::uint64_t{64} << 20));
  const auto at = seen_.empty() ? std::string::npos : all.rfind(seen_);
  return at == std::string::npos ? 0 : at + seen_.size();
}

std::string log_tail::next() {
  const unique_fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const auto size = static_cast<std::uint64_t>(info.st_size);
  bool cut = false;
  if (!begun_) {
    cut = size > first_;
    offset_ = cut ? size - first_ : 0;
  } else if (size == 0) {
    return {};  // just now its writer puts the newer half back
  } else if (read_at(fd.get(), offset_ - seen_.size(), seen_.size()) != seen_) {
    offset_ = find_place(fd.get(), size);
  }
  std::string out = read_at(fd.get(), offset_, most);
  if (out.empty()) return out;
  begun_ = true;
  offset_ += out.size();
  seen_ += out;
  if (seen_.size() > remembered) seen_.erase(0, seen_.size() - remembered);
  if (cut) out.erase(0, out.find('\n') == std::string::npos ? 0 : out.find('\n') + 1);
  return out;
}

}  // namespace kmux
