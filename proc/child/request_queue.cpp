#include "proc/child/request_queue.hpp"

#include <algorithm>

namespace kmux::child {

bool is_query(std::string_view type) {
  return type == "complete_request" || type == "inspect_request" || type == "is_complete_request";
}

bool is_comm(std::string_view type) {
  return type == "comm_open" || type == "comm_msg" || type == "comm_close";
}

queue_times& queue_times::operator+=(const queue_times& other) {
  served += other.served;
  waiting += other.waiting;
  total += other.total;
  longest = std::max(longest, other.longest);
  return *this;
}

namespace {

/// A completion that comes late helps nobody; the others keep their place in the queue.
bool is_pressing(const request& r) {
  return r.head.msg_type == "complete_request";
}

}  // namespace

void request_queue::count(const request& r, int by) {
  bytes_ += by > 0 ? r.wire->bytes() : -r.wire->bytes();
  if (r.head.msg_type != "execute_request") no_cells_ += by;
  if (is_pressing(r)) pressing_ += by;
}

void request_queue::push(std::shared_ptr<const request> r, clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const bool aborted = aborting_ && r->head.msg_type == "execute_request";
  count(*r, 1);
  queue_.push_back({std::move(r), now, aborted});
  ready_.set();
}

std::optional<request_queue::entry> request_queue::pop(bool cells, clock::time_point (*now)()) {
  const std::lock_guard lock(mutex_);
  const auto found = !cells && no_cells_ == 0
                         ? queue_.end()
                         : std::find_if(queue_.begin(), queue_.end(), [&](const entry& each) {
                             return cells || each.what->head.msg_type != "execute_request";
                           });
  if (found == queue_.end()) {
    ready_.clear();
    return std::nullopt;
  }
  entry out = std::move(*found);
  count(*out.what, -1);
  queue_.erase(found);
  const auto waited = now() - out.since;
  times_ += {1, 0, waited, waited};
  return out;
}

queue_times request_queue::times() const {
  const std::lock_guard lock(mutex_);
  queue_times out = times_;
  out.waiting = queue_.size();
  return out;
}

bool request_queue::full() const {
  const std::lock_guard lock(mutex_);
  return bytes_ >= most_bytes || queue_.size() >= most_requests;
}

void request_queue::look_again() {
  const std::lock_guard lock(mutex_);
  if (!queue_.empty()) ready_.set();
}

void request_queue::begin_abort() {
  const std::lock_guard lock(mutex_);
  aborting_ = true;
  for (auto& each : queue_)
    each.aborted = each.what->head.msg_type == "execute_request";
}

void request_queue::end_abort() {
  const std::lock_guard lock(mutex_);
  aborting_ = false;
}

std::vector<std::shared_ptr<const request>> request_queue::take_overdue(clock::time_point until) {
  std::vector<std::shared_ptr<const request>> out;
  const std::lock_guard lock(mutex_);
  for (auto each = queue_.begin(); each != queue_.end();) {
    if (is_pressing(*each->what) && each->since <= until) {
      count(*each->what, -1);
      out.push_back(std::move(each->what));
      each = queue_.erase(each);
    } else {
      ++each;
    }
  }
  return out;
}

request_queue::clock::time_point request_queue::oldest_pressing() const {
  const std::lock_guard lock(mutex_);
  if (pressing_ == 0) return clock::time_point::max();
  for (const auto& each : queue_) {
    if (is_pressing(*each.what)) return each.since;
  }
  return clock::time_point::max();
}

}  // namespace kmux::child
