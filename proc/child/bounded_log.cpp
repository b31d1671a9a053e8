#include "proc/child/bounded_log.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include "proc/file_mode.hpp"

namespace kmux::child {

namespace {

void write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // the disk is full: the kernel goes on without its log
    data.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

bounded_log::bounded_log(const std::string& path, std::size_t limit) : limit_(limit) {
  if (path.empty()) return;
  fd_ = unique_fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                         mode_beside(path)));
  struct stat info {};
  if (fd_ && ::fstat(fd_.get(), &info) == 0) size_ = static_cast<std::size_t>(info.st_size);
}

void bounded_log::make_room() {
  std::string kept(limit_ / 2, '\0');
  const auto from = static_cast<off_t>(size_ > kept.size() ? size_ - kept.size() : 0);
  const ssize_t n = ::pread(fd_.get(), kept.data(), kept.size(), from);
  kept.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  if (::ftruncate(fd_.get(), 0) != 0) return;
  size_ = kept.size();
  write_all(fd_.get(), kept);
}

void bounded_log::append(std::string_view data) {
  if (!fd_) return;
  if (data.size() > limit_ / 2) data.remove_prefix(data.size() - limit_ / 2);
  if (size_ + data.size() > limit_) make_room();
  size_ += data.size();
  write_all(fd_.get(), data);
}

}  // namespace kmux::child
