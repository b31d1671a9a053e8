#pragma once
// Waking a loop from another thread.

#include <cstdint>
#include <stdexcept>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proc/unique_fd.hpp"

namespace kmux::child {

/// An eventfd(2): readable from set() until clear(). Any thread; set() is async-signal-safe.
class event_fd {
public:
  event_fd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_) throw std::runtime_error("no descriptor left for an eventfd");
  }
  int fd() const noexcept { return fd_.get(); }
  void set() noexcept {
    const std::uint64_t one = 1;
    // Fails only where the counter is full: then it is readable anyway.
    [[maybe_unused]] const auto n = ::write(fd_.get(), &one, sizeof one);
  }
  void clear() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto n = ::read(fd_.get(), &count, sizeof count);
  }

private:
  unique_fd fd_;
};

}  // namespace kmux::child
