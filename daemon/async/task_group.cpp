#include "daemon/async/task_group.hpp"

#include <cassert>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>
#include <spdlog/spdlog.h>

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

void report(const std::string& name, const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted) return;  // how a cancelled task ends
    spdlog::error("event=task_failed task={} error=\"{}\"", name, e.what());
  } catch (const std::exception& e) {
    spdlog::error("event=task_failed task={} error=\"{}\"", name, e.what());
  }
}

}  // namespace

task_group::task_group(asio::io_context& io) : io_(io), changed_(io) {
}

task_group::~task_group() {
  assert(tasks_.empty() && "join() before destroying");
}

asio::awaitable<void> task_group::run(task& self, asio::awaitable<void> body) {
  self.begun = true;
  std::exception_ptr failure;
  try {
    if (!cancelled_) co_await std::move(body);
  } catch (...) {
    failure = std::current_exception();
  }
  // co_spawn awaits once more when a task has never waited. In a cancelled one that would throw
  // where nobody catches, and the task would be in the list for ever.
  co_await asio::this_coro::throw_if_cancelled(false);
  if (failure) std::rethrow_exception(failure);
}

void task_group::spawn(std::string name, asio::awaitable<void> body) {
  const auto place = tasks_.emplace(tasks_.end());
  place->name = std::move(name);
  auto done = [this, place](const std::exception_ptr& failure) {
    if (failure) report(place->name, failure);
    tasks_.erase(place);
    changed_.notify();
  };
  asio::co_spawn(io_, run(*place, std::move(body)),
                 asio::bind_cancellation_slot(place->cancel.slot(), std::move(done)));
}

void task_group::cancel() {
  cancelled_ = true;
  // A task may end, and so leave the list, while it is being cancelled.
  for (auto i = tasks_.begin(); i != tasks_.end();) {
    auto& each = *i++;
    if (each.begun) each.cancel.emit(asio::cancellation_type::terminal);
  }
}

asio::awaitable<void> task_group::join() {
  while (!tasks_.empty())
    co_await changed_.wait();
}

}  // namespace kmux::daemon
