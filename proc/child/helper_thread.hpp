#pragma once
// A thread for what may take long and must not hold up a loop.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace kmux::child {

/// Jobs one after the other; the thread begins with the first. Any thread posts. stop() throws away
/// what has not begun, and what is posted later; join() waits for what has.
class helper_thread {
public:
  using job = std::function<void()>;

  helper_thread() = default;
  ~helper_thread();
  helper_thread(const helper_thread&) = delete;
  helper_thread& operator=(const helper_thread&) = delete;

  /// False where the process can have no more threads: then the job is thrown away.
  bool post(job);
  void stop();
  void join();

private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kmux::child
