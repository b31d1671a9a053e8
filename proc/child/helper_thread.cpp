#include "proc/child/helper_thread.hpp"

#include <system_error>

namespace kmux::child {

helper_thread::~helper_thread() {
  stop();
  join();
}

bool helper_thread::post(job j) try {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return true;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    jobs_.push_back(std::move(j));
  }
  changed_.notify_one();
  return true;
} catch (const std::system_error&) {
  return false;
}

void helper_thread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  changed_.notify_one();
}

void helper_thread::join() {
  if (thread_.joinable()) thread_.join();
}

void helper_thread::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    const job next = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    next();
  }
}

}  // namespace kmux::child
