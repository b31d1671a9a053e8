#include "proc/child/outbox.hpp"

#include <algorithm>
#include <utility>

namespace kmux::child {

void outbox::make_urgent() {
  if (urgent_) return;
  urgent_ = true;
  ready_.set();
}

void outbox::added(std::size_t bytes, haste when) {
  const bool was_quiet = !urgent_ && !gathering_;
  bytes_ += bytes;
  if (when == haste::now || bytes_ >= much) {
    make_urgent();
  } else if (was_quiet && queue_.size() == 1) {
    ready_.set();  // the control loop sets its clock
  }
}

bool outbox::push(channel where, frame_list&& frames, std::size_t bytes, haste when) {
  std::unique_lock lock(mutex_);
  // One message may be larger than the bound; then it goes alone.
  room_.wait(lock, [&] { return closed_ || bytes_ == 0 || bytes_ + bytes <= bound_; });
  if (closed_) return false;
  // Text that waits out its pause must not hold back what comes after it.
  if (texts_ > 0 && only_text() && gathering_) ready_.set();
  queue_.emplace_back(message{where, std::move(frames)});
  added(bytes, when);
  return true;
}

void outbox::push(fence f) {
  const std::lock_guard lock(mutex_);
  queue_.emplace_back(std::move(f));
  make_urgent();
}

outbox::written outbox::try_write(const std::shared_ptr<const request>& parent,
                                  std::string_view name, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (closed_ || bytes.empty()) return written::yes;
  if (full()) return written::no_room;
  const bool first = queue_.empty();
  append(parent, name, bytes);
  // Not for each line of many: what comes behind the first of them hardly waits anyway.
  if (!first || !open_line_) return written::yes;
  to_settle_ = true;
  return written::settle;
}

void outbox::write(const std::shared_ptr<const request>& parent, std::string_view name,
                   std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (!closed_ && !bytes.empty()) append(parent, name, bytes);
}

void outbox::append(const std::shared_ptr<const request>& parent, std::string_view name,
                    std::string_view bytes) {
  auto* const last = queue_.empty() ? nullptr : std::get_if<text>(&queue_.back());
  if (last != nullptr && last->parent == parent && last->name == name &&
      last->bytes.size() < longest_text) {
    last->bytes += bytes;
  } else {
    queue_.emplace_back(text{parent, std::string(name), std::string(bytes)});
    ++texts_;
  }
  open_line_ = bytes.back() != '\n';
  if (!open_line_) let_go();
  added(bytes.size(), haste::soon);
}

void outbox::let_go() {
  if (std::exchange(held_, false)) ready_.set();
}

void outbox::settle() {
  const std::lock_guard lock(mutex_);
  open_line_ = to_settle_ = false;
  let_go();
}

void outbox::wait_for_room(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  room_.wait_for(lock, timeout, [&] { return closed_ || !full(); });
}

bool outbox::has_room() const {
  const std::lock_guard lock(mutex_);
  return !full();
}

void outbox::expect(clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!urgent_ && !std::exchange(gathering_, true)) due_ = now + gather;
}

std::deque<outbox::item> outbox::take(clock::time_point now) {
  std::deque<item> out;
  {
    const std::lock_guard lock(mutex_);
    ready_.clear();
    if (queue_.empty()) {
      if (now >= due_) gathering_ = false;
      return out;
    }
    if (!urgent_) {
      if (!std::exchange(gathering_, true)) due_ = now + gather;
      held_ = now >= due_ && open_line_;
      if (now < when_ready()) return out;
    }
    auto line = begun_line();
    if (std::exchange(texts_, 0) > 0) next_text_ = now + text_pause;
    out.swap(queue_);
    bytes_ = 0;
    urgent_ = gathering_ = open_line_ = to_settle_ = held_ = false;
    if (line) keep(std::move(*line), now);
  }
  room_.notify_all();
  return out;
}

std::optional<outbox::text> outbox::begun_line() {
  auto* const last = std::get_if<text>(&queue_.back());
  if (!open_line_ || last == nullptr || last->bytes.size() >= much || only_text()) return {};
  auto line = std::move(*last);
  queue_.pop_back();
  --texts_;
  return line;
}

void outbox::keep(text&& line, clock::time_point now) {
  bytes_ = line.bytes.size();
  queue_.emplace_back(std::move(line));
  texts_ = 1;
  gathering_ = open_line_ = held_ = true;
  due_ = now;
}

void outbox::hurry() {
  const std::lock_guard lock(mutex_);
  open_line_ = false;
  if (!queue_.empty()) make_urgent();
}

outbox::clock::time_point outbox::due() const {
  const std::lock_guard lock(mutex_);
  return gathering_ ? when_ready() : clock::time_point::max();
}

outbox::clock::time_point outbox::when_ready() const {
  if (queue_.empty() || !only_text()) return due_;
  const auto line = due_ + (to_settle_ ? settle_patience : line_patience);
  return std::max(held_ && open_line_ ? line : due_, next_text_);
}

void outbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  room_.notify_all();
}

}  // namespace kmux::child
