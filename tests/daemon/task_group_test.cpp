#include "daemon/async/task_group.hpp"

#include <stdexcept>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "tests/daemon/captured_log.hpp"

namespace kmux::daemon {
namespace {

namespace asio = boost::asio;
using word_list = std::vector<std::string>;

/// A loop with a group, and what its tasks have said. All of it is public for coroutines, which are
/// lambdas without captures: those would be gone when a coroutine goes on.
class group : public testing::Test {
public:
  ~group() override {
    // As the daemon does it; the group must be empty when it is destroyed.
    tasks_.cancel();
    run();
    EXPECT_EQ(tasks_.size(), 0U);
  }

  /// All that can be done without waiting for anything.
  void run() {
    io_.restart();
    io_.poll();
  }

  /// Says `name` in the beginning, "-name" at its end, and waits for `open_` in between.
  asio::awaitable<void> patient(std::string name) {
    said_.push_back(name);
    while (!open_)
      co_await changed_.wait();
    said_.push_back("-" + name);
  }

  /// Waits for all of the group to end, and says so.
  void join() {
    const auto body = [](group& self) -> asio::awaitable<void> {
      co_await self.tasks_.join();
      self.said_.emplace_back("joined");
    };
    asio::co_spawn(io_, body(*this), asio::detached);
  }

  void open() {
    open_ = true;
    changed_.notify();
  }

  asio::io_context io_;
  event changed_{io_};
  bool open_ = false;
  word_list said_;
  task_group tasks_{io_};
};

TEST_F(group, tasks_run_on_the_loop_and_leave_when_they_end) {
  tasks_.spawn("a", patient("a"));
  tasks_.spawn("b", patient("b"));
  EXPECT_EQ(said_, word_list{}) << "the loop has not begun";
  EXPECT_EQ(tasks_.size(), 2U);
  run();
  EXPECT_EQ(said_, (word_list{"a", "b"}));
  EXPECT_EQ(tasks_.size(), 2U);
  open();
  run();
  EXPECT_EQ(said_, (word_list{"a", "b", "-a", "-b"}));
  EXPECT_EQ(tasks_.size(), 0U);
}

TEST_F(group, join_waits_until_the_last_one_has_ended) {
  tasks_.spawn("a", patient("a"));
  tasks_.spawn("quick", [](group& self) -> asio::awaitable<void> {
    co_await asio::post(self.io_, as_result);
    self.said_.emplace_back("quick");
  }(*this));
  join();
  run();
  EXPECT_EQ(said_, (word_list{"a", "quick"})) << "one of the two is still there";
  open();
  run();
  EXPECT_EQ(said_, (word_list{"a", "quick", "-a", "joined"}));
}

TEST_F(group, join_waits_for_what_its_tasks_spawn_meanwhile) {
  tasks_.spawn("a", [](group& self) -> asio::awaitable<void> {
    while (!self.open_)
      co_await self.changed_.wait();
    self.tasks_.spawn("b", [](group& me) -> asio::awaitable<void> {
      co_await asio::post(me.io_, as_result);
      me.said_.emplace_back("b");
    }(self));
  }(*this));
  join();
  run();
  open();
  run();
  EXPECT_EQ(said_, (word_list{"b", "joined"}));
}

TEST_F(group, join_of_an_empty_group_ends_at_once) {
  join();
  run();
  EXPECT_EQ(said_, word_list{"joined"});
}

TEST_F(group, cancel_ends_tasks_where_they_wait) {
  const captured_log log;
  tasks_.spawn("a", patient("a"));
  tasks_.spawn("b", patient("b"));
  run();
  tasks_.cancel();
  join();
  run();
  EXPECT_EQ(said_, (word_list{"a", "b", "joined"}));
  EXPECT_EQ(log.text(), "") << "to be cancelled is no failure";
}

TEST_F(group, cancel_spares_other_groups) {
  task_group others(io_);
  others.spawn("other", patient("other"));
  tasks_.spawn("a", patient("a"));
  run();
  tasks_.cancel();
  run();
  EXPECT_EQ(tasks_.size(), 0U);
  EXPECT_EQ(others.size(), 1U);
  open();
  run();
  EXPECT_EQ(said_.back(), "-other");
  EXPECT_EQ(others.size(), 0U);
}

TEST_F(group, a_task_may_tidy_up_when_it_is_cancelled) {
  tasks_.spawn("a", [](group& self) -> asio::awaitable<void> {
    struct tidy {
      word_list& said;
      ~tidy() { said.emplace_back("tidied"); }
    } const at_the_end{self.said_};
    co_await self.patient("a");
  }(*this));
  run();
  tasks_.cancel();
  join();
  run();
  EXPECT_EQ(said_, (word_list{"a", "tidied", "joined"}));
}

TEST_F(group, what_is_spawned_after_cancel_never_begins) {
  tasks_.cancel();
  tasks_.spawn("late", patient("late"));
  join();
  run();
  EXPECT_EQ(said_, word_list{"joined"});
  // From the loop, too, where spawn() would begin a task at once.
  asio::post(io_, [this] { tasks_.spawn("later", patient("later")); });
  run();
  EXPECT_EQ(said_, word_list{"joined"});
  EXPECT_EQ(tasks_.size(), 0U);
}

TEST_F(group, cancel_takes_tasks_that_have_not_begun_and_the_one_that_calls_it) {
  const captured_log log;
  tasks_.spawn("a", patient("a"));
  tasks_.spawn("b", [](group& self) -> asio::awaitable<void> {
    self.tasks_.cancel();  // without ever having waited
    co_return;
  }(*this));
  tasks_.spawn("c", patient("c"));
  join();
  run();
  EXPECT_EQ(said_, (word_list{"a", "joined"}));
  EXPECT_EQ(log.text(), "");
}

TEST_F(group, a_cancelled_task_goes_on_until_it_waits_again) {
  tasks_.spawn("a", [](group& self) -> asio::awaitable<void> {
    co_await self.changed_.wait();
    self.said_.emplace_back("on");
    co_await self.changed_.wait();
    self.said_.emplace_back("too far");
  }(*this));
  run();
  tasks_.cancel();
  join();
  run();
  EXPECT_EQ(said_, (word_list{"on", "joined"}));
}

asio::awaitable<void> failing(std::exception_ptr with) {
  std::rethrow_exception(with);
  co_return;
}

TEST_F(group, an_exception_ends_its_own_task_alone_and_is_logged) {
  const captured_log log;
  tasks_.spawn("good", patient("good"));
  tasks_.spawn("bad", failing(std::make_exception_ptr(std::runtime_error("what it was"))));
  run();
  EXPECT_EQ(tasks_.size(), 1U);
  EXPECT_NE(log.text().find("event=task_failed task=bad error=\"what it was\""), std::string::npos)
      << log.text();
  open();
  run();
  EXPECT_EQ(said_, (word_list{"good", "-good"}));
}

TEST_F(group, system_errors_are_logged_unless_they_mean_cancelled) {
  using boost::system::system_error;
  const captured_log log;
  tasks_.spawn("aborted",
               failing(std::make_exception_ptr(system_error(asio::error::operation_aborted))));
  run();
  EXPECT_EQ(log.text(), "");
  tasks_.spawn("reset",
               failing(std::make_exception_ptr(system_error(asio::error::connection_reset))));
  run();
  EXPECT_NE(log.text().find("task=reset"), std::string::npos) << log.text();
  EXPECT_EQ(tasks_.size(), 0U);
}

}  // namespace
}  // namespace kmux::daemon
