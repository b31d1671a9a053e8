// A million random steps in a world that keeps to the machine's contract, and sometimes tells it
// things that are stale.

#include <algorithm>
#include <chrono>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/proc/supervise/kernel_fsm_support.hpp"

namespace kmux::supervise {
namespace {

using state = kernel_fsm::state;
using clock = kernel_fsm::clock;

constexpr int all_steps = 1'000'000;
constexpr int steps_between_settlings = 40;
constexpr int most_rounds_to_settle = 200;

/// The processes, sockets, timer and users around one machine; each action is checked as it comes.
class world {
public:
  explicit world(unsigned seed) : random_(seed) {}

  void random_step() {
    now_ += std::chrono::milliseconds(pick(3000));
    switch (pick(12)) {
      case 0:
        return tell(begin());
      case 1:
      case 2:
        return answer_launch();
      case 3:
      case 4:
        return tell(ev::connected{});
      case 5:
        return end_process();
      case 6:
        return ask_restart();
      case 7:
        return ask_stop();
      case 8:
        return tell(ev::shutdown_asked{pick(2) == 0});
      case 9:
        return fire_timer(false);
      case 10:
        return stale();
      default:
        return fire_timer(true);
    }
  }

  /// Processes end after they were told to, timers fire, launches are answered; nobody asks
  /// anything new. Every request must then be completed.
  void settle() {
    for (int round = 0; round < most_rounds_to_settle && waiting(); ++round) {
      if (launching_) {
        answer_launch();
      } else if (alive_ && (killed_ || (told_to_end_ && pick(3) == 0))) {
        end_process();
      } else if (fsm_.now() == state::connecting && pick(2) == 0) {
        tell(ev::connected{});
      } else if (timer_ != clock::time_point::max()) {
        fire_timer(true);
      }
    }
    ASSERT_FALSE(waiting()) << "a request is never completed in " << to_string(fsm_.now());
  }

  bool gone() const { return fsm_.now() == state::gone; }
  bool failed() const { return failed_; }

private:
  unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool waiting() const { return restart_waits_ || stop_waits_; }

  kernel_event_t begin() {
    if (fsm_.now() != state::dead || pick(4) != 0) return ev::start{};
    alive_ = true;
    return ev::adopted{};
  }

  void answer_launch() {
    if (!launching_) return;
    launching_ = false;
    if (pick(8) == 0) return tell(ev::launch_failed{cannot_launch()});
    alive_ = true;
    tell(ev::launched{});
  }

  void end_process() {
    if (!alive_) return;
    alive_ = told_to_end_ = killed_ = false;
    tell(ev::exited{pick(10) == 0 ? cannot_launch() : exited_with(static_cast<int>(pick(4)))});
  }

  void ask_restart() {
    restart_waits_ = true;
    tell(ev::user_restart{pick(4) == 0});
  }

  void ask_stop() {
    if (pick(3) != 0) return;  // otherwise most lives would be short
    stop_waits_ = true;
    tell(ev::user_stop{pick(4) == 0});
  }

  void fire_timer(bool wait_for_it) {
    if (timer_ == clock::time_point::max()) return;
    if (wait_for_it) now_ = std::max(now_, timer_);
    if (now_ >= timer_) timer_ = clock::time_point::max();
    tell(ev::timer{});
  }

  void stale() {
    if (!launching_ && !alive_ && pick(2) == 0) return tell(ev::launched{});
    if (!launching_ && pick(2) == 0) return tell(ev::launch_failed{cannot_launch()});
    if (!alive_) return tell(ev::exited{exited_with(9)});
    if (now_ >= timer_) timer_ = clock::time_point::max();
    tell(ev::timer{});
  }

  void tell(const kernel_event_t& event) {
    for (const kernel_action_t& action : fsm_.resume(event, now_)) {
      std::visit([this](const auto& a) { check(a); }, action);
    }
    expect(fsm_.has_process() == alive_, "the machine and the world disagree on the process");
    expect(!gone() || (!alive_ && !launching_ && !connected_), "gone, but something is left");
    expect(!gone() || timer_ == clock::time_point::max(), "gone, but a timer is armed");
    expect(fsm_.now() != state::dead || (!alive_ && !launching_), "dead, but a process lives");
    expect(fsm_.now() != state::ready || (alive_ && connected_), "ready without a process");
    expect(fsm_.now() != state::restarting || alive_ || timer_ != clock::time_point::max(),
           "waits for nothing");
  }

  void check(const act::launch&) {
    expect(!alive_ && !launching_, "two processes at a time");
    expect(!connected_, "launched while connected to the last one");
    launching_ = true;
    told_to_end_ = killed_ = false;
  }
  void check(const act::connect&) {
    expect(alive_ && !connected_, "connected twice, or to nothing");
    connected_ = true;
  }
  void check(const act::disconnect&) {
    expect(connected_, "disconnected twice");
    connected_ = false;
  }
  void check(const act::ask_shutdown&) {
    expect(alive_ && connected_, "asked nobody");
    told_to_end_ = true;
  }
  void check(const act::signal_group& a) {
    expect(alive_, "signalled nobody");
    expect(a.sig == SIGTERM || a.sig == SIGKILL, "another signal");
    expect(!killed_, "signalled after SIGKILL");
    told_to_end_ = true;
    killed_ = a.sig == SIGKILL;
  }
  void check(const act::arm_timer& a) { timer_ = a.at; }
  void check(const act::cancel_timer&) {
    expect(timer_ != clock::time_point::max(), "cancelled no timer");
    timer_ = clock::time_point::max();
  }
  void check(const act::announce& a) { expect(!a.reason.empty(), "announced without a reason"); }
  void check(const act::complete& a) {
    bool& waits = a.what == user_request::restart ? restart_waits_ : stop_waits_;
    expect(waits, "completed what nobody asked for");
    expect(a.ok || !a.reason.empty(), "failed without a reason");
    waits = false;
  }
  void check(const act::forget&) {
    expect(!std::exchange(forgotten_, true), "forgotten twice");
    expect(!alive_, "forgotten alive");
  }

  void expect(bool holds, const char* invariant) {
    if (holds || failed_) return;
    failed_ = true;
    ADD_FAILURE() << invariant << ", in " << to_string(fsm_.now());
  }

  std::mt19937 random_;
  kernel_fsm fsm_;
  clock::time_point now_ = clock::time_point{} + 1000h;
  clock::time_point timer_ = clock::time_point::max();
  bool launching_ = false, alive_ = false, connected_ = false, forgotten_ = false;
  bool told_to_end_ = false, killed_ = false;
  bool restart_waits_ = false, stop_waits_ = false;
  bool failed_ = false;
};

TEST(kernel_fsm_walk, keeps_its_invariants) {
  int lives = 0;
  for (int step = 0; step < all_steps; ++lives) {
    SCOPED_TRACE("seed " + std::to_string(lives));
    world w(static_cast<unsigned>(lives));
    for (bool settled_gone = false; !settled_gone && step < all_steps; ++step) {
      w.random_step();
      if (step % steps_between_settlings == 0) {
        w.settle();
        settled_gone = w.gone();
      }
      ASSERT_FALSE(w.failed() || HasFatalFailure()) << "at step " << step;
    }
  }
  EXPECT_GT(lives, 1000);
}

}  // namespace
}  // namespace kmux::supervise
