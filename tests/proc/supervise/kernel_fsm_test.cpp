// Whole stories.

#include <gtest/gtest.h>

#include "tests/proc/supervise/kernel_fsm_support.hpp"

namespace kmux::supervise {
namespace {

using state = kernel_fsm::state;

void make_ready(fsm_script& s) {
  s.tell(ev::launched{});
  s.tell(ev::connected{});
  ASSERT_EQ(s.fsm.now(), state::ready);
}

void start_ready(fsm_script& s) {
  s.tell(ev::start{});
  make_ready(s);
}

std::string announced_reason(const fsm_script& s) {
  for (const kernel_action_t& action : s.last) {
    if (const auto* a = std::get_if<act::announce>(&action)) return a->reason;
  }
  return "nothing announced";
}

TEST(kernel_fsm, climbs_the_whole_ladder_before_it_kills) {
  fsm_script s;
  start_ready(s);
  EXPECT_EQ(s.tell(ev::user_stop{}), "ask stop; arm 2500");
  EXPECT_EQ(s.tell_due_timer(), "TERM; arm 2500");
  EXPECT_EQ(s.tell_due_timer(), "KILL");
  EXPECT_EQ(s.tell(ev::exited{exited_with(0)}), "disconnect; complete stop; forget");
  EXPECT_EQ(s.fsm.now(), state::gone);
}

TEST(kernel_fsm, restarts_a_ready_kernel_and_completes_when_it_is_ready_again) {
  fsm_script s;
  start_ready(s);
  EXPECT_EQ(s.tell(ev::user_restart{}), "announce starting; ask restart; arm 2500");
  EXPECT_EQ(s.tell(ev::exited{exited_with(0)}), "disconnect; launch; cancel");
  EXPECT_EQ(s.tell(ev::launched{}), "connect; arm 60000");
  EXPECT_EQ(s.tell(ev::connected{}), "complete restart; cancel");
  EXPECT_EQ(s.fsm.restarts(), 1);
}

TEST(kernel_fsm, several_restarts_at_once_are_one) {
  fsm_script s;
  start_ready(s);
  s.tell(ev::user_restart{});
  EXPECT_EQ(s.tell(ev::user_restart{}), "");
  s.tell(ev::exited{exited_with(0)});
  EXPECT_EQ(s.tell(ev::user_restart{}), "");
  s.tell(ev::launched{});
  EXPECT_EQ(s.tell(ev::user_restart{}), "");
  EXPECT_EQ(s.tell(ev::connected{}), "complete restart; cancel");
  EXPECT_EQ(s.fsm.restarts(), 1);
}

TEST(kernel_fsm, a_crash_loop_ends_dead_and_a_user_may_try_again) {
  fsm_script s;
  start_ready(s);
  for (const char* delay : {"100", "200", "400", "800", "1600"}) {
    EXPECT_EQ(s.tell(ev::exited{{exit_status::cause::signaled, 0, SIGSEGV, {}}}),
              std::string("disconnect; announce restarting; arm ") + delay);
    EXPECT_EQ(announced_reason(s), "killed by SIGSEGV");
    EXPECT_EQ(s.tell_due_timer(), "launch");
    make_ready(s);
  }
  EXPECT_EQ(s.tell(ev::exited{{exit_status::cause::signaled, 0, SIGSEGV, {}}}),
            "disconnect; announce dead");
  EXPECT_EQ(announced_reason(s), "killed by SIGSEGV, and again after 5 restarts");
  EXPECT_EQ(s.fsm.now(), state::dead);
  EXPECT_EQ(s.fsm.last_exit().signal, SIGSEGV);
  EXPECT_FALSE(s.fsm.has_process());

  EXPECT_EQ(s.tell(ev::user_restart{}), "announce starting; launch");
  s.tell(ev::launched{});
  EXPECT_EQ(s.tell(ev::connected{}), "complete restart; cancel");
  EXPECT_EQ(s.tell(ev::exited{exited_with(1)}), "disconnect; announce restarting; arm 100");
}

TEST(kernel_fsm, a_long_life_pays_for_old_crashes) {
  fsm_script s;
  start_ready(s);
  for (int i = 0; i < 20; ++i) {
    s.now += 10s;
    EXPECT_EQ(s.tell(ev::exited{exited_with(1)}), "disconnect; announce restarting; arm 100");
    s.tell_due_timer();
    make_ready(s);
  }
}

TEST(kernel_fsm, a_restart_that_ends_in_a_crash_loop_fails) {
  kernel_fsm::settings settings;
  settings.restart.limit = 1;
  fsm_script s(settings);
  start_ready(s);
  s.tell(ev::user_restart{});
  s.tell(ev::exited{exited_with(0)});
  s.tell(ev::launched{});
  EXPECT_EQ(s.tell(ev::exited{exited_with(1)}), "disconnect; announce restarting; arm 100");
  s.tell_due_timer();
  s.tell(ev::launched{});
  EXPECT_EQ(s.tell(ev::exited{exited_with(1)}), "disconnect; announce dead; fail restart; cancel");
}

TEST(kernel_fsm, what_cannot_be_launched_is_not_tried_again) {
  fsm_script s;
  s.tell(ev::start{});
  EXPECT_EQ(s.tell(ev::launch_failed{cannot_launch()}), "announce dead");
  EXPECT_EQ(announced_reason(s), "could not be started: no such file");

  s.tell(ev::user_restart{});
  s.tell(ev::launched{});
  // The child lived, but its kernel could not be started.
  EXPECT_EQ(s.tell(ev::exited{cannot_launch()}), "disconnect; announce dead; fail restart; cancel");
}

TEST(kernel_fsm, a_kernel_that_never_answers_is_killed_and_dead) {
  fsm_script s;
  s.tell(ev::start{});
  s.tell(ev::launched{});
  EXPECT_EQ(s.tell_due_timer(), "disconnect; KILL");
  EXPECT_EQ(s.tell(ev::exited{{exit_status::cause::signaled, 0, SIGKILL, {}}}), "announce dead");
  EXPECT_EQ(announced_reason(s), "did not answer within 60 s");
}

TEST(kernel_fsm, an_adopted_kernel_may_be_busy_for_ever) {
  fsm_script s;
  s.tell(ev::adopted{});
  EXPECT_EQ(s.timer, fsm_script::never);
  s.now += 100h;
  EXPECT_EQ(s.tell(ev::timer{}), "");
  EXPECT_EQ(s.tell(ev::connected{}), "");
  EXPECT_EQ(s.fsm.now(), state::ready);
  EXPECT_EQ(s.fsm.restarts(), 0);
}

TEST(kernel_fsm, an_end_that_a_client_asked_for_is_no_crash) {
  fsm_script s;
  start_ready(s);
  s.tell(ev::shutdown_asked{false});
  s.now += 59s;
  EXPECT_EQ(s.tell(ev::exited{exited_with(0)}), "disconnect; announce dead; forget");
  EXPECT_EQ(s.fsm.now(), state::gone);
}

TEST(kernel_fsm, a_restart_that_a_client_asked_for_starts_again_at_once) {
  fsm_script s;
  start_ready(s);
  for (int i = 0; i < 10; ++i) {
    s.tell(ev::shutdown_asked{true});
    EXPECT_EQ(s.tell(ev::exited{exited_with(0)}), "disconnect; announce starting; launch");
    make_ready(s);
  }
}

TEST(kernel_fsm, an_old_shutdown_request_does_not_excuse_a_crash) {
  fsm_script s;
  start_ready(s);
  s.tell(ev::shutdown_asked{false});
  s.now += 60s;
  EXPECT_EQ(s.tell(ev::exited{exited_with(1)}), "disconnect; announce restarting; arm 100");
  s.tell_due_timer();
  make_ready(s);
  s.tell(ev::shutdown_asked{false});
  s.tell(ev::user_restart{});
  s.tell(ev::exited{exited_with(0)});
  make_ready(s);
  // What was asked of the former process says nothing about this one.
  EXPECT_EQ(s.tell(ev::exited{exited_with(1)}), "disconnect; announce restarting; arm 100");
}

TEST(kernel_fsm, a_stop_takes_a_waiting_restart_with_it) {
  fsm_script s;
  start_ready(s);
  s.tell(ev::user_restart{});
  EXPECT_EQ(s.tell(ev::user_stop{}), "");
  EXPECT_EQ(s.tell(ev::exited{exited_with(0)}),
            "disconnect; fail restart; complete stop; forget; cancel");
}

TEST(kernel_fsm, a_stop_at_once_while_launching_kills_what_comes) {
  fsm_script s;
  s.tell(ev::start{});
  s.tell(ev::user_stop{true});
  EXPECT_EQ(s.tell(ev::launched{}), "KILL");
  EXPECT_EQ(s.tell(ev::exited{exited_with(0)}), "complete stop; forget");
}

TEST(kernel_fsm, without_automatic_restarts_the_first_death_is_the_last) {
  kernel_fsm::settings settings;
  settings.restart.enabled = false;
  fsm_script s(settings);
  start_ready(s);
  EXPECT_EQ(s.tell(ev::exited{exited_with(3)}), "disconnect; announce dead");
  EXPECT_EQ(announced_reason(s), "exited with code 3");
}

TEST(kernel_fsm, never_is_a_time_that_can_be_configured) {
  kernel_fsm::settings settings;
  settings.connect_within = kernel_fsm::duration::max();
  fsm_script s(settings);
  s.tell(ev::start{});
  EXPECT_EQ(s.tell(ev::launched{}), "connect");
}

}  // namespace
}  // namespace kmux::supervise
