#pragma once
// Structured concurrency: every coroutine of the daemon belongs to a group which outlives it.

#include <list>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/async/event.hpp"

namespace kmux::daemon {

/// Runs coroutines on the loop, and knows when they have all ended. Loop thread only.
/// Stopping: cancel(), then co_await join(), then destroy; the destructor asserts that it is empty.
/// An exception that leaves a task ends that task alone and is logged: it is a bug, never input.
class task_group {
public:
  explicit task_group(boost::asio::io_context& io);
  ~task_group();
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  /// `name` appears in the log if the task ends by an exception.
  void spawn(std::string name, boost::asio::awaitable<void> task);
  /// Terminal cancellation of all tasks; those which have not begun, or are spawned later, never
  /// do.
  void cancel();
  boost::asio::awaitable<void> join();
  std::size_t size() const noexcept { return tasks_.size(); }

private:
  struct task {
    std::string name;
    boost::asio::cancellation_signal cancel;
    bool begun = false;
  };
  boost::asio::awaitable<void> run(task& self, boost::asio::awaitable<void> body);

  boost::asio::io_context& io_;
  std::list<task> tasks_;
  event changed_;
  bool cancelled_ = false;
};

}  // namespace kmux::daemon
