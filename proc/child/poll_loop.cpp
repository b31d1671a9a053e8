#include "proc/child/poll_loop.hpp"

#include <cerrno>

namespace kmux::child {

void poll_loop::watch(zmq::socket_t& socket, callback call, condition when) {
  watched_.push_back({{socket.handle(), 0, ZMQ_POLLIN, 0}, std::move(call), std::move(when)});
}

void poll_loop::watch(int fd, callback call, condition when) {
  watched_.push_back({{nullptr, fd, ZMQ_POLLIN, 0}, std::move(call), std::move(when)});
}

void poll_loop::wait(std::chrono::milliseconds timeout, std::vector<zmq_pollitem_t>& items) {
  const long milliseconds = timeout == forever ? -1 : static_cast<long>(timeout.count());
  if (zmq_poll(items.data(), static_cast<int>(items.size()), milliseconds) >= 0) return;
  if (errno != EINTR) throw zmq::error_t();
  for (auto& each : items)
    each.revents = 0;
}

void poll_loop::run() {
  std::vector<zmq_pollitem_t> items;
  std::vector<const watched*> who;
  auto timeout = std::chrono::milliseconds(0);  // look at everything once, at first
  for (;;) {
    items.assign(1, {nullptr, stop_.fd(), ZMQ_POLLIN, 0});
    who.assign(1, nullptr);
    for (const auto& each : watched_) {
      if (each.when && !each.when()) continue;
      items.push_back(each.item);
      who.push_back(&each);
    }
    wait(timeout, items);
    if (items.front().revents != 0) return;
    for (std::size_t i = 1; i < items.size(); ++i) {
      if (items[i].revents != 0) who[i]->call();
    }
    timeout = turn_ ? turn_() : forever;
  }
}

}  // namespace kmux::child
