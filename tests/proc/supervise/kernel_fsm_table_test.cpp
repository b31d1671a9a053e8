// The header's table, cell by cell: what is not listed here must be ignored.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/proc/supervise/kernel_fsm_support.hpp"

namespace kmux::supervise {
namespace {

using state = kernel_fsm::state;

const std::vector<std::pair<std::string, kernel_event_t>> events = {
    {"start", ev::start{}},
    {"adopted", ev::adopted{}},
    {"launched", ev::launched{}},
    {"launch_failed", ev::launch_failed{cannot_launch()}},
    {"connected", ev::connected{}},
    {"exited", ev::exited{exited_with(3)}},
    {"user_restart", ev::user_restart{}},
    {"user_restart now", ev::user_restart{true}},
    {"user_stop", ev::user_stop{}},
    {"user_stop now", ev::user_stop{true}},
    {"shutdown_asked", ev::shutdown_asked{false}},
    {"shutdown_asked restart", ev::shutdown_asked{true}},
    {"timer early", ev::timer{}},
    {"timer due", ev::timer{}},
};

struct cell {
  std::string actions;
  state then;
};

struct situation {
  std::string name;
  std::function<void(fsm_script&)> reach;
  std::map<std::string, cell> cells;
};

void launching(fsm_script& s) {
  s.tell(ev::start{});
}
void connecting(fsm_script& s) {
  launching(s);
  s.tell(ev::launched{});
}
void ready(fsm_script& s) {
  connecting(s);
  s.tell(ev::connected{});
}
void timed_out(fsm_script& s) {
  connecting(s);
  s.tell_due_timer();
}

const std::vector<situation> table = {
    {"dead",
     [](fsm_script&) {},
     {{"start", {"launch", state::launching}},
      {"adopted", {"connect", state::connecting}},
      {"user_restart", {"announce starting; launch", state::launching}},
      {"user_restart now", {"announce starting; launch", state::launching}},
      {"user_stop", {"complete stop; forget", state::gone}},
      {"user_stop now", {"complete stop; forget", state::gone}}}},
    {"launching",
     launching,
     {{"launched", {"connect; arm 60000", state::connecting}},
      {"launch_failed", {"announce dead", state::dead}},
      {"user_restart", {"", state::launching}},
      {"user_restart now", {"", state::launching}},
      {"user_stop", {"", state::stopping}},
      {"user_stop now", {"", state::stopping}}}},
    {"connecting",
     connecting,
     {{"connected", {"cancel", state::ready}},
      {"exited", {"disconnect; announce restarting; arm 100", state::restarting}},
      {"user_restart", {"announce starting; TERM; arm 2500", state::restarting}},
      {"user_restart now", {"announce starting; KILL; cancel", state::restarting}},
      {"user_stop", {"TERM; arm 2500", state::stopping}},
      {"user_stop now", {"KILL; cancel", state::stopping}},
      {"shutdown_asked", {"", state::connecting}},
      {"shutdown_asked restart", {"", state::connecting}},
      {"timer due", {"disconnect; KILL", state::stopping}}}},
    {"connecting, adopted",
     [](fsm_script& s) { s.tell(ev::adopted{}); },
     {{"connected", {"", state::ready}},
      {"exited", {"disconnect; announce restarting; arm 100", state::restarting}},
      {"user_restart", {"announce starting; ask restart; arm 2500", state::restarting}},
      {"user_restart now", {"announce starting; KILL", state::restarting}},
      {"user_stop", {"ask stop; arm 2500", state::stopping}},
      {"user_stop now", {"KILL", state::stopping}},
      {"shutdown_asked", {"", state::connecting}},
      {"shutdown_asked restart", {"", state::connecting}}}},
    {"ready",
     ready,
     {{"exited", {"disconnect; announce restarting; arm 100", state::restarting}},
      {"user_restart", {"announce starting; ask restart; arm 2500", state::restarting}},
      {"user_restart now", {"announce starting; KILL", state::restarting}},
      {"user_stop", {"ask stop; arm 2500", state::stopping}},
      {"user_stop now", {"KILL", state::stopping}},
      {"shutdown_asked", {"", state::ready}},
      {"shutdown_asked restart", {"", state::ready}}}},
    {"stopping",
     [](fsm_script& s) {
       ready(s);
       s.tell(ev::user_stop{});
     },
     {{"exited", {"disconnect; complete stop; forget; cancel", state::gone}},
      {"user_restart", {"fail restart", state::stopping}},
      {"user_restart now", {"fail restart", state::stopping}},
      {"user_stop", {"", state::stopping}},
      {"user_stop now", {"KILL; cancel", state::stopping}},
      {"timer due", {"TERM; arm 2500", state::stopping}}}},
    {"stopping, while a launch is under way",
     [](fsm_script& s) {
       launching(s);
       s.tell(ev::user_stop{});
     },
     {{"launched", {"TERM; arm 2500", state::stopping}},
      {"launch_failed", {"complete stop; forget", state::gone}},
      {"user_restart", {"fail restart", state::stopping}},
      {"user_restart now", {"fail restart", state::stopping}},
      {"user_stop", {"", state::stopping}},
      {"user_stop now", {"", state::stopping}}}},
    {"stopping, because it did not connect",
     timed_out,
     {{"exited", {"announce dead", state::dead}},
      {"user_restart", {"announce starting", state::restarting}},
      {"user_restart now", {"announce starting", state::restarting}},
      {"user_stop", {"", state::stopping}},
      {"user_stop now", {"", state::stopping}}}},
    {"restarting, the old process lives",
     [](fsm_script& s) {
       ready(s);
       s.tell(ev::user_restart{});
     },
     {{"exited", {"disconnect; launch; cancel", state::launching}},
      {"user_restart", {"", state::restarting}},
      {"user_restart now", {"KILL; cancel", state::restarting}},
      {"user_stop", {"", state::stopping}},
      {"user_stop now", {"KILL; cancel", state::stopping}},
      {"timer due", {"TERM; arm 2500", state::restarting}}}},
    {"restarting, back-off",
     [](fsm_script& s) {
       ready(s);
       s.tell(ev::exited{exited_with(1)});
     },
     {{"user_restart", {"announce starting; launch; cancel", state::launching}},
      {"user_restart now", {"announce starting; launch; cancel", state::launching}},
      {"user_stop", {"complete stop; forget; cancel", state::gone}},
      {"user_stop now", {"complete stop; forget; cancel", state::gone}},
      {"timer due", {"launch", state::launching}}}},
    {"gone",
     [](fsm_script& s) { s.tell(ev::user_stop{}); },
     {{"user_restart", {"fail restart", state::gone}},
      {"user_restart now", {"fail restart", state::gone}},
      {"user_stop", {"complete stop", state::gone}},
      {"user_stop now", {"complete stop", state::gone}}}},
};

TEST(kernel_fsm_table, every_cell_does_what_the_header_says) {
  for (const situation& row : table) {
    for (const auto& [name, event] : events) {
      SCOPED_TRACE(row.name + " | " + name);
      fsm_script s;
      row.reach(s);
      const state before = s.fsm.now();
      const bool due = name == "timer due";
      if (due && s.timer == fsm_script::never) continue;
      std::string actions = due ? s.tell_due_timer() : s.tell(event);
      // A timer that comes too early is armed once more: the shell's has been used up.
      if (name == "timer early" && s.timer != fsm_script::never) {
        EXPECT_TRUE(actions.starts_with("arm ")) << actions;
        actions.clear();
      }
      const auto listed = row.cells.find(name);
      const cell expected = listed != row.cells.end() ? listed->second : cell{"", before};
      EXPECT_EQ(actions, expected.actions);
      EXPECT_EQ(to_string(s.fsm.now()), to_string(expected.then));
    }
  }
}

TEST(kernel_fsm_table, names_only_known_events) {
  for (const situation& row : table) {
    for (const auto& [name, expected] : row.cells) {
      const bool known = std::any_of(events.begin(), events.end(),
                                     [&name = name](const auto& e) { return e.first == name; });
      EXPECT_TRUE(known) << row.name << " | " << name;
    }
  }
}

}  // namespace
}  // namespace kmux::supervise
