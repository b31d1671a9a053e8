#include "proc/child/poll_loop.hpp"

#include <algorithm>
#include <cerrno>

namespace kmux::child {

void poll_loop::watch(zmq::socket_t& socket, callback call, condition when) {
  watched_.push_back({{socket.handle(), 0, ZMQ_POLLIN, 0}, std::move(call), std::move(when)});
}

void poll_loop::watch(int fd, callback call, condition when) {
  watched_.push_back({{nullptr, fd, ZMQ_POLLIN, 0}, std::move(call), std::move(when)});
}

void poll_loop::watch(zmtp_socket& socket, condition when) {
  peers_.push_back({&socket, std::move(when)});
}

void poll_loop::gather() {
  items_.assign(1, {nullptr, stop_.fd(), ZMQ_POLLIN, 0});
  who_.assign(1, nullptr);
  for (const auto& each : watched_) {
    if (each.when && !each.when()) continue;
    items_.push_back(each.item);
    who_.push_back(&each);
  }
}

void poll_loop::gather_peers() {
  peers_waited_for_.clear();
  until_ = clock::time_point::max();
  for (auto& each : peers_) {
    const bool may_read = !each.when || each.when();
    if (each.socket->fd() < 0) {
      const auto now = clock::now();
      if (each.socket->retry() <= now) each.socket->connect(now);
      until_ = std::min(until_, each.socket->retry());
    }
    const int wanted =
        (may_read ? ZMQ_POLLIN : 0) | (each.socket->wants_to_write() ? ZMQ_POLLOUT : 0);
    if (each.socket->fd() < 0 || wanted == 0) continue;
    items_.push_back({nullptr, each.socket->fd(), static_cast<short>(wanted), 0});
    peers_waited_for_.push_back(&each);
  }
}

void poll_loop::wait(std::chrono::milliseconds timeout) {
  if (until_ != clock::time_point::max()) {
    const auto now = clock::now();
    const auto left = until_ <= now ? std::chrono::milliseconds(0)
                                    : std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
    timeout = std::min(timeout, left);
  }
  const long milliseconds = timeout == forever ? -1 : static_cast<long>(timeout.count());
  if (zmq_poll(items_.data(), static_cast<int>(items_.size()), milliseconds) >= 0) return;
  if (errno != EINTR) throw zmq::error_t();
  for (auto& each : items_)
    each.revents = 0;
}

void poll_loop::call_peers(std::size_t first) {
  for (std::size_t i = 0; i < peers_waited_for_.size(); ++i) {
    auto& peer = *peers_waited_for_[i];
    const short what = items_[first + i].revents;
    if ((what & ZMQ_POLLOUT) != 0) peer.socket->write();
    if ((what & (ZMQ_POLLIN | ZMQ_POLLERR)) != 0) peer.socket->read();
  }
}

void poll_loop::run() {
  auto timeout = std::chrono::milliseconds(0);  // look at everything once, at first
  auto awake = clock::now();
  for (;;) {
    gather();
    const std::size_t first_peer = items_.size();
    gather_peers();
    const auto asleep = clock::now();
    wait(timeout);
    lag_ = std::max(lag_, asleep - awake);
    awake = clock::now();
    if (timeout != forever) lag_ = std::max(lag_, awake - asleep - timeout);
    if (items_.front().revents != 0) return;
    for (std::size_t i = 1; i < first_peer; ++i) {
      if (items_[i].revents != 0) who_[i]->call();
    }
    call_peers(first_peer);
    timeout = turn_ ? turn_() : forever;
  }
}

}  // namespace kmux::child
