#include "daemon/events/event_reader.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace kmux::daemon {

namespace {

constexpr std::size_t longest_line = 128 << 10;

std::size_t size_of(const unique_fd& fd) {
  struct stat about {};
  return fd && ::fstat(fd.get(), &about) == 0 ? static_cast<std::size_t>(about.st_size) : 0;
}

bool is_same(const unique_fd& a, const unique_fd& b) {
  struct stat one {
  }, other{};
  return a && b && ::fstat(a.get(), &one) == 0 && ::fstat(b.get(), &other) == 0 &&
         one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

}  // namespace

unique_fd open_event_file(const std::string& path) {
  // O_NONBLOCK: a fifo that somebody put there must not be waited for.
  unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat about {};
  if (fd && (::fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode))) return {};
  return fd;
}

event_reader::event_reader(std::string file, std::uint64_t after, std::size_t newest)
    : file_(std::move(file)), position_(after) {
  // In this order: should FILE become FILE.1 between the two, it is read twice, and not missed.
  newer_ = open_event_file(file_);
  fd_ = open_event_file(file_ + ".1");
  skip_all_but(newest);
}

void event_reader::skip_all_but(std::size_t newest) {
  const std::size_t older_size = size_of(fd_), newer_size = size_of(newer_);
  if (newest >= older_size + newer_size) return;
  if (newer_size >= newest) fd_ = std::move(newer_);
  const std::size_t skipped =
      newer_size >= newest ? newer_size - newest : older_size + newer_size - newest;
  skipping_ = skipped > 0 && ::lseek(fd_.get(), static_cast<off_t>(skipped), SEEK_SET) >= 0;
}

bool event_reader::next(stored_event& out) {
  for (;;) {
    const auto end = buffer_.find('\n', taken_);
    if (end != std::string::npos) {
      const auto begin = std::exchange(taken_, end + 1);
      if (std::exchange(skipping_, false)) continue;
      if (take(std::string_view(buffer_).substr(begin, end - begin), out)) return true;
      continue;
    }
    buffer_.erase(0, std::exchange(taken_, 0));
    if (buffer_.size() > longest_line || skipping_) {
      if (!std::exchange(skipping_, true)) ++damaged_;
      buffer_.clear();
    }
    if (!read_more() && !next_file()) return false;
  }
}

bool event_reader::next_unended(stored_event& out) {
  if (skipping_ || number_of_event(buffer_) <= position_) return false;
  auto parsed = parse_event(buffer_);
  if (!parsed) return false;
  position_ = parsed->number;
  out = std::move(*parsed);
  return true;
}

bool event_reader::take(std::string_view line, stored_event& out) {
  if (line.empty()) return false;
  const auto number = number_of_event(line);
  // Twice is no damage: a daemon writes again what it could not write whole.
  if (number != 0 && number <= position_) return false;
  auto parsed = parse_event(line);
  if (!parsed) {
    ++damaged_;
    return false;
  }
  position_ = number;
  out = std::move(*parsed);
  return true;
}

bool event_reader::read_more() {
  if (!fd_) return false;
  std::array<char, 64 << 10> block;  // NOLINT: written before it is read
  ssize_t n = 0;
  do {
    n = ::read(fd_.get(), block.data(), block.size());
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return false;
  buffer_.append(block.data(), static_cast<std::size_t>(n));
  return true;
}

/// Where there is one behind that which is read.
bool event_reader::next_file() {
  if (!newer_ || is_same(newer_, fd_)) newer_ = open_event_file(file_);
  if (!newer_ || is_same(newer_, fd_)) return false;
  if (read_more()) return true;  // written after we came to the end, before FILE was begun anew
  if (!buffer_.empty()) ++damaged_;
  buffer_.clear();
  skipping_ = false;
  fd_ = std::move(newer_);
  return true;
}

}  // namespace kmux::daemon
