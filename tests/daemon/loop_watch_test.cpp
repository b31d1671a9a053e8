// A loop that is blocked on purpose.
#include "daemon/system/loop_watch.hpp"

#include <csignal>
#include <execinfo.h>
#include <fcntl.h>
#include <future>
#include <poll.h>
#include <string>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "captured_log.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class watching : public testing::Test {
protected:
  watching() {
    make_pipe(read_, write_);
    make_pipe(gate_read_, gate_write_);
    loop_ = std::thread([this] {
      sigset_t all;  // as whoever starts a program may have left it
      ::sigfillset(&all);
      ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
      auto work = asio::make_work_guard(io_);
      io_.run();
    });
  }
  ~watching() override {
    on_loop([this] { watch_.stop(); });
    io_.stop();
    loop_.join();
  }

  static void make_pipe(unique_fd& from, unique_fd& to) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    from = unique_fd(ends[0]);
    to = unique_fd(ends[1]);
  }
  template <class Work>
  void on_loop(Work work) {
    std::promise<void> done;
    asio::post(io_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  void start(loop_watch::clock::duration stuck_after) {
    on_loop([&] { watch_.start({.stuck_after = stuck_after, .log = write_.get()}); });
  }
  /// What is written up to and with `end`; it comes, or the test's own time limit does.
  std::string read_until(const std::string& end) {
    std::string text;
    for (char c = 0; !text.ends_with(end) && ::read(read_.get(), &c, 1) == 1;)
      text += c;
    return text;
  }
  bool is_silent(std::chrono::milliseconds patience) const {
    pollfd wait{read_.get(), POLLIN, 0};
    return ::poll(&wait, 1, static_cast<int>(patience.count())) == 0;
  }
  /// The loop does nothing else until go_on(). Returns, as a stack would show it, who called this.
  /// It waits in poll(2), where ThreadSanitizer lets signals through.
  std::string block() {
    std::promise<std::string> blocked;
    asio::post(io_, [this, &blocked] {
      void* frames[3] = {};
      ::backtrace(frames, 3);
      blocked.set_value(fmt::format("[{}]", frames[2]));
      pollfd wait{gate_read_.get(), POLLIN, 0};
      while (::poll(&wait, 1, -1) != 1) {
      }
      char c = 0;
      EXPECT_EQ(::read(gate_read_.get(), &c, 1), 1);
    });
    return blocked.get_future().get();
  }
  void go_on() const { EXPECT_EQ(::write(gate_write_.get(), "x", 1), 1); }
  void wait_for_ticks(int count) {
    for (int now = ticks_; now < count; now = ticks_)
      ticks_.wait(now);
  }
  void wait_for_more_ticks() { wait_for_ticks(ticks_ + 2); }

  captured_log log_;
  unique_fd read_, write_;            ///< what is written of a stuck loop
  unique_fd gate_read_, gate_write_;  ///< what a stuck loop waits for
  asio::io_context io_{1};
  std::atomic<int> ticks_ = 0;
  loop_watch watch_{io_, [this] {
                      ++ticks_;
                      ticks_.notify_all();
                    }};
  std::thread loop_;
};

TEST_F(watching, a_stuck_loop_writes_its_stack_once_each_time) {
  start(1s);
  wait_for_ticks(3);
  for (int time = 1; time <= 2; ++time) {
    const auto caller = block();
    const int before = ticks_;
    // What may stand before it: the rest of a stack, or that of a loop that did not get to run.
    read_until("level=error event=loop_stuck seconds=1.0");
    read_until(caller);
    while (!is_silent(600ms))  // more than two looks at the loop
      EXPECT_EQ(read_until("\n").find("event="), std::string::npos) << "once is enough";
    EXPECT_EQ(ticks_, before) << "nothing says that it lives";
    go_on();
    wait_for_more_ticks();
    on_loop([&] { EXPECT_NE(log_.text().find("event=loop_goes_on"), std::string::npos); });
  }
}

TEST_F(watching, a_loop_that_works_is_left_alone) {
  start(3s);  // so long no thread has to wait for a processor
  wait_for_ticks(7);
  EXPECT_TRUE(is_silent(0ms));
}

TEST_F(watching, settings_may_change) {
  start(1h);
  wait_for_ticks(1);
  on_loop([&] { watch_.start({.stuck_after = 1h, .most = 5ms, .log = write_.get()}); });
  wait_for_ticks(5);
  start(20ms);
  wait_for_more_ticks();
  block();
  read_until("event=loop_stuck");
  go_on();
}

}  // namespace
}  // namespace kmux::daemon
