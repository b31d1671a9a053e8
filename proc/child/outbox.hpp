#pragma once
// Messages from the shell loop on their way to the control loop, which publishes them.

#include <condition_variable>
#include <deque>
#include <mutex>

#include "proc/child/event_fd.hpp"
#include "proc/child/multipart.hpp"

namespace kmux::child {

/// Bounded by bytes. When it is full, push() waits: user code that prints faster than the world can
/// read is slowed down, as by a terminal; nothing is dropped.
class outbox {
public:
  explicit outbox(std::size_t bound = 4 << 20) : bound_(bound) {}

  /// Any thread but the control loop's. False once closed.
  bool push(frame_list&&, std::size_t bytes);
  /// The control loop: all that there is, in order.
  std::deque<frame_list> take();
  /// push() returns false from now on, also where it waits.
  void close();
  /// Readable while there may be something to take.
  int fd() const noexcept { return ready_.fd(); }

private:
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<frame_list> queue_;
  std::size_t bound_, bytes_ = 0;
  bool closed_ = false;
  event_fd ready_;
};

}  // namespace kmux::child
