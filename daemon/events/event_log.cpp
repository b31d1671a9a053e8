#include "daemon/events/event_log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "daemon/events/event_reader.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t most_memory = 1 << 20;
constexpr std::int64_t retry_pause = 1'000'000;  ///< microseconds, between two tries to write
constexpr int digits = 20;                       ///< of FILE.number: always as many

/// A regular file of our own, whatever the umask is.
unique_fd open_own(const std::string& path, int flags) {
  unique_fd fd(::open(path.c_str(), flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat about {};
  if (!fd || ::fstat(fd.get(), &about) != 0) return {};
  if (!S_ISREG(about.st_mode)) {
    errno = EINVAL;
    return {};
  }
  ::fchmod(fd.get(), 0600);
  return fd;
}

std::uint64_t read_number(int fd) {
  char text[digits + 1] = {};
  if (::pread(fd, text, digits, 0) != digits) return 0;
  const auto out = std::strtoull(text, nullptr, 10);
  return out <= stored_event::most_number ? out : 0;
}

}  // namespace

event_log::event_log(std::string file, std::size_t most_bytes)
    : file_(std::move(file)), most_(most_bytes) {
}

std::size_t event_log::most_in_memory() const noexcept {
  return most_ == 0 ? most_memory : std::min(most_memory, most_ / 2);
}

void event_log::open() {
  event_reader from(file_, 0, most_in_memory());
  stored_event each;
  while (from.next(each))
    keep(std::move(each));
  if (from.next_unended(each)) keep(std::move(each));
  damaged_ = from.damaged();
  last_ = from.position();
  if (take_lock()) last_ = std::max(last_, read_number(number_.get()));
  written_ = last_;
  set_most(most_);
}

bool event_log::take_lock() {
  if (number_) return true;
  unique_fd fd = open_own(file_ + ".number", O_RDWR);
  if (!fd) return fail("cannot open " + file_ + ".number");
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(errno == EWOULDBLOCK ? "another daemon writes " + file_ : "cannot lock " + file_);
  }
  number_ = std::move(fd);
  return true;
}

void event_log::set_most(std::size_t bytes) {
  most_ = bytes;
  if (most_ != 0 || !number_) return;
  fd_.reset();
  ::unlink(file_.c_str());
  ::unlink((file_ + ".1").c_str());
}

void event_log::add(std::int64_t time, std::string_view name, const event_members& members) {
  keep(make_event(++last_, time, name, members));
  write_down(time);
}

void event_log::keep(stored_event e) {
  bytes_ += e.line.size();
  newest_.push_back(std::move(e));
  while (newest_.size() > 1 && bytes_ > most_in_memory()) {
    bytes_ -= newest_.front().line.size();
    newest_.pop_front();
  }
}

void event_log::write_down(std::int64_t now) {
  // A clock that was set back is no reason to wait for it.
  const bool waits = now < again_at_ && now >= again_at_ - retry_pause;
  if (trouble_.empty() || !waits) {
    if (take_lock() && (most_ == 0 || write_new())) {
      trouble_.clear();
    } else {
      again_at_ = now + retry_pause;
    }
  }
  note_number();
}

/// All that is not yet in the file: more than one event after there was trouble.
bool event_log::write_new() {
  std::string text;
  for (auto each = std::ranges::upper_bound(newest_, written_, {}, &stored_event::number);
       each != newest_.end(); ++each) {
    text += each->line + "\n";
  }
  if (!make_room(text.size() + 1)) return false;
  if (torn_) text.insert(text.begin(), '\n');
  const ssize_t n = ::write(fd_.get(), text.data(), text.size());
  if (n > 0) size_ += static_cast<std::size_t>(n);
  if (n == static_cast<ssize_t>(text.size())) {
    torn_ = false;
    written_ = last_;
    return true;
  }
  if (n > 0) torn_ = true;
  if (n >= 0) errno = ENOSPC;
  return fail("cannot write " + file_);
}

/// The file, open, with room for so much.
bool event_log::make_room(std::size_t bytes) {
  struct stat about {};
  // Somebody may have removed it.
  if (fd_ && (::fstat(fd_.get(), &about) != 0 || about.st_nlink == 0)) fd_.reset();
  if (!fd_ && !open_file()) return false;
  if (size_ == 0 || size_ + bytes <= most_ / 2) return true;
  if (::rename(file_.c_str(), (file_ + ".1").c_str()) != 0) return fail("cannot rename " + file_);
  fd_.reset();
  return open_file();
}

bool event_log::open_file() {
  fd_ = open_own(file_, O_RDWR | O_APPEND);
  struct stat about {};
  if (!fd_ || ::fstat(fd_.get(), &about) != 0) return fail("cannot open " + file_);
  size_ = static_cast<std::size_t>(about.st_size);
  char end = '\n';
  torn_ = size_ > 0 && ::pread(fd_.get(), &end, 1, about.st_size - 1) == 1 && end != '\n';
  return true;
}

/// Over what is there, which a full disk has room for.
void event_log::note_number() const {
  if (!number_) return;
  const auto text = fmt::format("{:0{}}\n", last_, digits);
  (void)!::pwrite(number_.get(), text.data(), text.size(), 0);
}

bool event_log::fail(std::string_view what) {
  trouble_ = fmt::format("{}: {}", what, std::strerror(errno));
  return false;
}

}  // namespace kmux::daemon
