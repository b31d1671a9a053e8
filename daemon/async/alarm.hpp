#pragma once
// A timer whose callback never runs after it was cancelled or destroyed.

#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace kmux::daemon {

/// Asio's own cancel() cannot take back a handler that is queued already; this can. Loop thread
/// only.
class alarm {
public:
  using clock = std::chrono::steady_clock;

  explicit alarm(boost::asio::io_context& io) : timer_(io) {}
  ~alarm() { cancel(); }
  alarm(const alarm&) = delete;
  alarm& operator=(const alarm&) = delete;

  /// Replaces what was set before. time_point::max() means never.
  void set(clock::time_point at, std::function<void()> callback) {
    cancel();
    if (at == clock::time_point::max()) return;
    armed_ = std::make_shared<std::function<void()>>(std::move(callback));
    timer_.expires_at(at);
    timer_.async_wait([this, weak = std::weak_ptr(armed_)](boost::system::error_code) {
      const auto call = weak.lock();
      if (!call) return;  // and perhaps this alarm has gone
      armed_.reset();
      (*call)();
    });
  }
  /// Set, and the callback has not begun.
  bool armed() const noexcept { return armed_ != nullptr; }
  void cancel() {
    armed_.reset();
    timer_.cancel();
  }

private:
  boost::asio::steady_timer timer_;
  std::shared_ptr<std::function<void()>> armed_;
};

}  // namespace kmux::daemon
