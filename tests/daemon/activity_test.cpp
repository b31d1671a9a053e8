#include "daemon/kernels/activity.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

constexpr activity::time_point at(int second) {
  return activity::time_point(std::chrono::seconds(second));
}

header of_type(std::string_view msg_type) {
  header h;
  h.msg_type = msg_type;
  return h;
}

/// A kernel as its iopub messages tell of it; each comes a second after the one before.
class told : public testing::Test {
protected:
  void status(std::string_view request, const std::string& state) {
    content(request, R"({"execution_state": ")" + state + "\"}");
  }
  void content(std::string_view request, std::string_view text) {
    it_.on_iopub(of_type("status"), of_type(request), text, at(++now_));
  }
  void output(std::string_view request) {
    it_.on_iopub(of_type("stream"), of_type(request), R"({"text": "x"})", at(++now_));
  }
  void make_idle() {
    it_.connected();
    ASSERT_EQ(it_.state(), "idle");
  }

  activity it_{at(0)};
  int now_ = 0;
};

TEST_F(told, a_cell_makes_it_busy_and_each_message_is_activity) {
  make_idle();
  status("execute_request", "busy");
  EXPECT_EQ(it_.state(), "busy");
  EXPECT_EQ(it_.last(), at(1));
  output("execute_request");
  EXPECT_EQ(it_.state(), "busy");
  EXPECT_EQ(it_.last(), at(2));
  status("execute_request", "idle");
  EXPECT_EQ(it_.state(), "idle");
  EXPECT_EQ(it_.last(), at(3));
}

TEST_F(told, what_programs_ask_by_themselves_is_no_activity) {
  make_idle();
  // "" stands for a message without a parent.
  for (const auto* request :
       {"comm_info_request", "kernel_info_request", "shutdown_request", "interrupt_request",
        "debug_request", "input_request", "usage_request", ""}) {
    status(request, "busy");
    EXPECT_EQ(it_.state(), "idle") << request;
    output(request);
    status(request, "idle");
    EXPECT_EQ(it_.last(), at(0)) << request;
  }
}

TEST_F(told, asking_does_not_end_what_runs) {
  status("execute_request", "busy");
  status("kernel_info_request", "idle");
  EXPECT_EQ(it_.state(), "busy");
  EXPECT_EQ(it_.last(), at(1));
  output("");  // a thread of the kernel's that prints
  EXPECT_EQ(it_.last(), at(3)) << "while busy, whatever is printed is activity";
}

TEST_F(told, a_new_kernel_is_starting_until_anything_made_it_idle) {
  EXPECT_EQ(it_.state(), "starting");
  EXPECT_EQ(it_.last(), at(0));
  status("", "starting");
  status("kernel_info_request", "busy");
  EXPECT_EQ(it_.state(), "starting");
  status("kernel_info_request", "idle");
  EXPECT_EQ(it_.state(), "idle");
  EXPECT_EQ(it_.last(), at(0)) << "that was us, not a person";
}

TEST_F(told, connecting_ends_starting_and_nothing_else) {
  status("execute_request", "busy");
  it_.connected();
  EXPECT_EQ(it_.state(), "busy");
  it_.starting(at(100));
  EXPECT_EQ(it_.state(), "starting");
  EXPECT_EQ(it_.last(), at(100));
  it_.connected();
  EXPECT_EQ(it_.state(), "idle");
}

TEST_F(told, words_that_are_no_state_change_none) {
  status("execute_request", "busy");
  for (const auto* text :
       {"", "{", "[]", "{}", R"({"execution_state": 5})", R"({"execution_state": "starting"})",
        R"({"execution_state": "Idle"})", R"({"x": {"execution_state": "idle"}})"}) {
    content("execute_request", text);
    EXPECT_EQ(it_.state(), "busy") << text;
  }
}

TEST_F(told, an_adopted_kernel_is_busy_until_shell_answers) {
  it_.adopted();
  EXPECT_EQ(it_.state(), "busy");
  EXPECT_EQ(it_.last(), at(0)) << "to adopt is no activity";
  it_.connected();
  // iopub may tell of our kernel_info on control while a cell runs on shell.
  status("kernel_info_request", "idle");
  EXPECT_EQ(it_.state(), "busy");
  it_.answered();
  EXPECT_EQ(it_.state(), "idle");
}

TEST_F(told, an_adopted_kernel_is_believed_when_it_speaks_first) {
  it_.adopted();
  status("execute_request", "idle");
  EXPECT_EQ(it_.state(), "idle");
  it_.adopted();
  status("execute_request", "busy");
  it_.answered();
  EXPECT_EQ(it_.state(), "busy") << "no longer presumed: it has said so itself";
}

TEST_F(told, an_answer_says_nothing_of_what_was_not_presumed) {
  it_.answered();
  EXPECT_EQ(it_.state(), "starting");
  status("execute_request", "busy");
  it_.answered();
  EXPECT_EQ(it_.state(), "busy");
  it_.adopted();
  it_.starting(at(9));  // it died, and was started anew
  it_.answered();
  EXPECT_EQ(it_.state(), "starting");
}

}  // namespace
}  // namespace kmux::daemon
