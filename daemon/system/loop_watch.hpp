#pragma once
// Whether the loop makes progress, and where it is if it does not.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <pthread.h>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "daemon/async/alarm.hpp"

namespace kmux::daemon {

/// The loop ticks, and a thread sees whether it does. A loop that has made no tick for
/// `stuck_after` is said to be stuck, once: the thread writes event=loop_stuck, and a signal has
/// the loop's own thread write its stack. Nothing else can be done for it here; that it is no
/// longer said to be alive, which `ticked` does, lets the service manager start another daemon. One
/// at a time in a process: the signal is the process's.
class loop_watch {
public:
  using clock = std::chrono::steady_clock;
  struct settings {
    clock::duration stuck_after = std::chrono::seconds(10);
    clock::duration most = clock::duration::max();  ///< from tick to tick
    int log = 2;                                    ///< descriptor; the logger is the loop's alone
  };

  /// `ticked` is called on the loop, at each tick.
  loop_watch(boost::asio::io_context& io, std::function<void()> ticked);
  ~loop_watch();

  /// From now on; again with other settings. On the loop's thread, and the loop must soon run.
  void start(settings);
  /// Lets the loop run dry, and ends the thread.
  void stop();

private:
  void tick();
  void watch(settings);
  void end_thread();
  void report(const settings&);

  std::function<void()> ticked_;
  alarm timer_;
  clock::duration pause_{};
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;  ///< under mutex_
  std::atomic<unsigned long> ticks_ = 0;
  std::atomic<pthread_t> loop_{};  ///< who made the last tick; set before ticks_
  std::atomic<bool> stuck_ = false;
};

}  // namespace kmux::daemon
