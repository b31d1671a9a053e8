#include "proc/child/outbox.hpp"

namespace kmux::child {

bool outbox::push(frame_list&& message, std::size_t bytes) {
  bool was_empty = false;
  {
    std::unique_lock lock(mutex_);
    // One message may be larger than the bound; then it goes alone.
    room_.wait(lock, [&] { return closed_ || bytes_ == 0 || bytes_ + bytes <= bound_; });
    if (closed_) return false;
    was_empty = queue_.empty();
    queue_.push_back(std::move(message));
    bytes_ += bytes;
  }
  if (was_empty) ready_.set();
  return true;
}

std::deque<frame_list> outbox::take() {
  std::deque<frame_list> out;
  ready_.clear();
  {
    const std::lock_guard lock(mutex_);
    out.swap(queue_);
    bytes_ = 0;
  }
  room_.notify_all();
  return out;
}

void outbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
}

}  // namespace kmux::child
