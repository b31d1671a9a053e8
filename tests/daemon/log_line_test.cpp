#include "daemon/system/log_line.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include "config/log_level.hpp"
#include "daemon/system/log.hpp"

namespace kmux::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

TEST(log_line, what_others_have_said_is_no_field) {
  EXPECT_THAT(fields_of("event=x kernel=1 kernel=2 -a=3 words error=\"a owner=me\" owner=you"),
              ElementsAre(Pair("event", "x"), Pair("kernel", "1")));
}

TEST(log_line, its_event_has_a_subject) {
  EXPECT_EQ(subject_of("event=kernel_ended kernel=1"), "kernels");
  EXPECT_EQ(subject_of("event=client_connected kernel=1"), "clients");
  EXPECT_EQ(subject_of("event=request method=GET"), "http");
  EXPECT_EQ(subject_of("event=token_created"), "auth");
  EXPECT_EQ(subject_of("event=hub_on"), "hub");
  EXPECT_EQ(subject_of("event=journal_failing"), "journal");
  EXPECT_EQ(subject_of("event=ready"), "daemon");
  EXPECT_EQ(subject_of("words"), "daemon");
}

TEST(log_line, is_one_line_and_tells_its_trace) {
  EXPECT_EQ(finish_line("event=x a=\"1\n2\"", ""), "event=x a=\"1 2\"");
  EXPECT_EQ(finish_line("event=x a=\"1\"", "ab"), "event=x trace=ab a=\"1\"");
  EXPECT_EQ(finish_line("event=x", "ab"), "event=x trace=ab");
}

TEST(log_line, as_json_has_its_fields_beside_it) {
  EXPECT_EQ(json_line("event=x pid=7 time=1 error=\"a b=2\"", "warning", "2026-01-31T12:00:00Z"),
            R"({"time": "2026-01-31T12:00:00Z", "level": "warning", "event": "x", "pid": "7", )"
            R"("message": "event=x pid=7 time=1 error=\"a b=2\""})");
}

TEST(log_levels, are_checked) {
  EXPECT_EQ(config::check_subject_level("kernels=debug"), "");
  for (const std::string each : {"kernels", "kernels=", "kernels=loud", "nobody=debug", "=debug"})
    EXPECT_THAT(config::check_subject_level(each), HasSubstr("SUBJECT=LEVEL")) << each;
}

class a_log : public testing::Test {
protected:
  a_log() : before_(spdlog::default_logger()) {}
  ~a_log() override { spdlog::set_default_logger(before_); }

  /// What `log` writes to standard error.
  template <class Log>
  static std::string written(const Log& log) {
    testing::internal::CaptureStderr();
    log();
    return testing::internal::GetCapturedStderr();
  }

private:
  std::shared_ptr<spdlog::logger> before_;
};

TEST_F(a_log, has_a_level_for_each_subject_which_can_change) {
  config::log_config config;
  config.levels = {"http=debug", "kernels=warning"};
  const auto all = [] {
    spdlog::debug("event=request n=1");
    spdlog::debug("event=client_caught_up n=2");
    spdlog::info("event=kernel_state n=3");
    spdlog::info("event=ready n=4");
    spdlog::warn("event=kernel_dropped n=5");
  };
  set_up_log(config);
  EXPECT_THAT(written(all), AllOf(HasSubstr("n=1"), Not(HasSubstr("n=2")), Not(HasSubstr("n=3")),
                                  HasSubstr("n=4"), HasSubstr("n=5")));
  config.level = "error";
  config.levels = {"clients=trace"};
  set_log_levels(config);
  const auto text = written(all);
  EXPECT_THAT(text, HasSubstr("level=debug event=client_caught_up n=2"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
}

TEST_F(a_log, can_be_json_and_tells_the_trace_of_a_scope) {
  config::log_config config;
  config.format = "json";
  set_up_log(config);
  const auto text = written([] {
    {
      const trace_scope outer("ab");
      const trace_scope none("");
      spdlog::info("event=one");
    }
    const trace_scope traced("cd");
    spdlog::info("event=two");
  });
  EXPECT_THAT(text, testing::MatchesRegex(
                        R"(\{"time": "20[^"]*Z", "level": "info", "event": "one", )"
                        R"("message": "event=one"\}.\{"time": "20[^"]*Z", "level": "info", )"
                        R"("event": "two", "trace": "cd", "message": "event=two trace=cd"\}.)"));
}

}  // namespace
}  // namespace kmux::daemon
