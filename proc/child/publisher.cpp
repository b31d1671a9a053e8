#include "proc/child/publisher.hpp"

#include "proc/child/multipart.hpp"

namespace kmux::child {

void publisher::publish(frame_list&& frames) {
  if (queue_.empty() && send_message(socket_, frames)) return;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < frames.size(); ++i)
    bytes += frames[i].size();
  bytes_ += bytes;
  queue_.push_back({std::move(frames), bytes});
}

void publisher::flush(clock::time_point now) {
  bool moved = false;
  while (!queue_.empty() && send_message(socket_, queue_.front().frames)) {
    bytes_ -= queue_.front().bytes;
    queue_.pop_front();
    moved = true;
  }
  if (queue_.empty()) {
    blocked_since_ = clock::time_point::max();
    return;
  }
  if (moved || blocked_since_ == clock::time_point::max()) blocked_since_ = now;
  if (now - blocked_since_ < patience || dropping_) return;
  dropping_ = true;
  socket_.set(zmq::sockopt::xpub_nodrop, false);
}

void publisher::read_subscriptions(const std::function<void(std::string_view)>& subscribed) {
  frame_list frames;
  while (receive_message(socket_, frames)) {
    if (frames.size() == 0) continue;
    if (dropping_) {
      dropping_ = false;
      socket_.set(zmq::sockopt::xpub_nodrop, true);
    }
    const std::string_view said = frames.view(0);
    if (!said.empty() && said.front() == '\x01') subscribed(said.substr(1));
  }
}

}  // namespace kmux::child
