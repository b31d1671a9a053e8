#include "proc/child/output_capture.hpp"

#include <algorithm>
#include <fcntl.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <unistd.h>

namespace kmux::child {

namespace {

constexpr int pipe_bytes = 1 << 20;  ///< what an unprivileged process may ask for (pipe(7))

}  // namespace

std::size_t cut_character(std::string_view text) noexcept {
  const std::size_t look = std::min<std::size_t>(text.size(), 3);
  for (std::size_t back = 1; back <= look; ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;  // in the middle of one
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

output_capture::output_capture(outbox& out)
    : out_(out), pipes_{{{"stdout", {}, {}, {}}, {"stderr", {}, {}, {}}}} {
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    auto& each = pipes_[fd == STDOUT_FILENO ? 0 : 1];
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no descriptor left for a pipe");
    each.read.reset(ends[0]);
    const unique_fd write(ends[1]);
    ::fcntl(each.read.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(write.get(), F_SETPIPE_SZ, pipe_bytes);
    each.original.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (::dup2(write.get(), fd) < 0) throw std::runtime_error("no descriptor left for a pipe");
  }
}

output_capture::~output_capture() {
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (original(fd) >= 0) ::dup2(original(fd), fd);
  }
}

void output_capture::parent(std::shared_ptr<const request> r) {
  const std::lock_guard lock(mutex_);
  parent_ = std::move(r);
}

void output_capture::drain() {
  const std::lock_guard lock(mutex_);
  for (auto& each : pipes_)
    drain(each);
}

void output_capture::drain(pipe_end& from) {
  int waiting = 0;
  if (::ioctl(from.read.get(), FIONREAD, &waiting) != 0 || waiting <= 0) return;
  std::string text = std::move(from.cut);
  const std::size_t before = text.size();
  text.resize(before + static_cast<std::size_t>(waiting));
  const ssize_t n = ::read(from.read.get(), text.data() + before, text.size() - before);
  text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  const std::size_t rest = cut_character(text);
  from.cut = text.substr(text.size() - rest);
  text.resize(text.size() - rest);
  out_.write(parent_, from.name, text);
}

}  // namespace kmux::child
