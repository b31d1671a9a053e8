#include "daemon/journal/timings.hpp"

#include <gmock/gmock.h>

namespace kmux::daemon {
namespace {

using journal::kind;
using testing::HasSubstr;

constexpr std::int64_t begin = 1'700'000'000'000'000;

class timings_of_a_journal : public testing::Test {
protected:
  /// A client's request, noted `at` seconds after the beginning.
  void asked(std::string_view id, double at) {
    add(kind::request, at,
        R"({"msg_id": ")" + std::string(id) +
            R"(", "msg_type": "execute_request", "session": "s"})",
        "{}", "{}");
  }
  void said(std::string_view type, std::string_view parent, double at, std::string_view content,
            std::string_view parent_type = "execute_request") {
    ++number_;
    add(type == "status" ? kind::iopub : kind::shell, at,
        R"({"msg_id": "k", "msg_type": ")" + std::string(type) + R"(", "session": "k"})",
        R"({"msg_id": ")" + std::string(parent) + R"(", "msg_type": ")" + std::string(parent_type) +
            R"(", "session": "s"})",
        content);
  }
  void ran(std::string_view id, double from, double to) {
    said("status", id, from, R"({"execution_state": "busy"})");
    said("execute_reply", id, to, R"({"status": "ok"})");
    said("status", id, to + 1, R"({"execution_state": "idle"})");
  }

  timings all_;

private:
  void add(kind what, double at, const std::string& head, std::string_view parent,
           std::string_view content) {
    journal::record r;
    r.number = number_;
    r.time = begin + static_cast<std::int64_t>(at * 1e6);
    r.what = what;
    r.frames = {head, parent, "{}", content};
    all_.add(r);
  }
  std::uint64_t number_ = 0;
};

TEST_F(timings_of_a_journal, tell_what_waited_and_what_ran) {
  asked("a", 0);
  asked("b", 0.5);
  ran("a", 1, 3);
  EXPECT_EQ(all_.json({}),
            R"({"timings": [{"seq": 3, "msg_id": "a", "msg_type": "execute_request", )"
            R"("session": "s", "submitted": "2023-11-14T22:13:20.000000Z", )"
            R"("started": "2023-11-14T22:13:21.000000Z", "ended": "2023-11-14T22:13:23.000000Z", )"
            R"("queue": 1.000000, "run": 2.000000}, )"
            R"({"seq": 0, "msg_id": "b", "msg_type": "execute_request", "session": "s", )"
            R"("submitted": "2023-11-14T22:13:20.500000Z", "started": null, "ended": null, )"
            R"("queue": null, "run": null}], "summary": )"
            R"({"queue": {"count": 1, "p50": 1.000000, "p90": 1.000000, "p99": 1.000000}, )"
            R"("run": {"count": 1, "p50": 2.000000, "p90": 2.000000, "p99": 2.000000}}})");
}

TEST_F(timings_of_a_journal, of_what_has_no_reply_or_no_record_of_being_asked) {
  said("status", "c", 1, R"({"execution_state": "busy"})", "comm_msg");
  said("status", "c", 2, R"({"execution_state": "idle"})", "comm_msg");
  said("status", "", 3, R"({"execution_state": "starting"})");
  EXPECT_THAT(all_.json({}), HasSubstr(R"("msg_type": "comm_msg", "session": "s", )"
                                       R"("submitted": null)"));
  EXPECT_THAT(all_.json({}), HasSubstr(R"("queue": null, "run": 1.000000}], )"));
}

TEST_F(timings_of_a_journal, are_the_newest_and_of_what_is_wanted) {
  for (int i = 1; i <= 200; ++i) {
    asked("m" + std::to_string(i), i * 10);
    ran("m" + std::to_string(i), i * 10, i * 10 + i / 100.0);
  }
  const auto few = all_.json({0, 2, ""});
  EXPECT_THAT(few, testing::Not(HasSubstr("\"m198\"")));
  EXPECT_LT(few.find("\"m199\""), few.find("\"m200\""));
  EXPECT_THAT(few, HasSubstr(R"("run": {"count": 200, "p50": 1.000000, "p90": 1.800000, )"
                             R"("p99": 1.980000})"));
  EXPECT_THAT(all_.json({597, 100, ""}), HasSubstr(R"({"timings": [{"seq": 600, )"));
  EXPECT_THAT(all_.json({0, 0, ""}),
              HasSubstr(R"({"timings": [], "summary": {"queue": {"count": 200)"));
  EXPECT_THAT(all_.json({0, 100, "comm_msg"}),
              HasSubstr(R"("run": {"count": 0, "p50": null, "p90": null, "p99": null})"));
}

TEST_F(timings_of_a_journal, are_bounded) {
  for (std::size_t i = 0; i <= timings::most; ++i)
    asked("m" + std::to_string(i), 0);
  const auto text = all_.json({0, timings::most * 2, ""});
  EXPECT_THAT(text, testing::Not(HasSubstr("\"m0\"")));
  EXPECT_THAT(text, HasSubstr("\"m1\""));
}

}  // namespace
}  // namespace kmux::daemon
