// What /metrics says, and that the manual says the same.
#include <fstream>
#include <iterator>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/metrics/table.hpp"

namespace kmux::daemon {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

std::string with(const snapshot& s) {
  return exposition(s);
}

TEST(histogram, has_what_is_not_longer_than_its_bound) {
  histogram h;
  h.observe(milliseconds(1));
  h.observe(milliseconds(2));
  h.observe(std::chrono::hours(1));
  EXPECT_EQ(h.counts().front(), 1U);
  EXPECT_EQ(h.counts()[1], 1U);
  EXPECT_EQ(h.counts().back(), 1U);
  EXPECT_DOUBLE_EQ(h.sum(), 3600.003);
}

TEST(stopwatch, begins_once_and_tells_once) {
  histogram h;
  stopwatch w;
  w.stop(h);
  EXPECT_EQ(h.sum(), 0);
  w.start();
  EXPECT_TRUE(w.running());
  w.stop(h);
  w.stop(h);
  w.start();
  w.reset();
  w.stop(h);
  std::uint64_t count = 0;
  for (const auto each : h.counts())
    count += each;
  EXPECT_EQ(count, 1U);
}

TEST(samples, are_written_as_prometheus_reads_them) {
  std::string out;
  samples none(out, "kmux_none", "gauge", "Nothing.");
  EXPECT_EQ(out, "") << "what has no value is not there";
  samples one(out, "kmux_one", "gauge", "One.");
  one.add(std::uint64_t{1});
  one.add({{"name", "a\"b\\c\nd"}, {"other", ""}}, 0.5);
  EXPECT_EQ(out,
            "# HELP kmux_one One.\n# TYPE kmux_one gauge\nkmux_one 1\n"
            "kmux_one{name=\"a\\\"b\\\\c\\nd\",other=\"\"} 0.5\n");
}

TEST(samples, of_a_histogram_add_up) {
  histogram h;
  h.observe(milliseconds(1));
  h.observe(milliseconds(250));
  h.observe(std::chrono::minutes(2));
  std::string out;
  samples(out, "kmux_x_seconds", "histogram", "X.").add(h);
  EXPECT_THAT(out, HasSubstr("kmux_x_seconds_bucket{le=\"0.001\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("kmux_x_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("kmux_x_seconds_bucket{le=\"0.25\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("kmux_x_seconds_bucket{le=\"60\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("kmux_x_seconds_bucket{le=\"+Inf\"} 3\n"
                             "kmux_x_seconds_sum 120.251\nkmux_x_seconds_count 3\n"));
}

TEST(metrics, count_kernels_by_spec_and_state) {
  const counters counted;
  snapshot s{counted};
  s.specs = {"echo", "python3"};
  s.kernels.resize(4);
  s.kernels[0].spec = s.kernels[1].spec = "python3";
  s.kernels[0].state = s.kernels[1].state = "busy";
  s.kernels[2].spec = "removed";
  s.kernels[2].state = "dead";
  s.kernels[3].spec = "echo";
  s.kernels[3].state = "what nobody knows";
  const auto text = with(s);
  EXPECT_THAT(text, HasSubstr("kmux_kernels{spec=\"python3\",state=\"busy\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("kmux_kernels{spec=\"python3\",state=\"dead\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("kmux_kernels{spec=\"other\",state=\"dead\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kmux_kernels{spec=\"echo\",state=\"unknown\"} 1\n"));
}

TEST(metrics, have_few_kernelspecs_however_many_there_are) {
  const counters counted;
  snapshot s{counted};
  for (int i = 0; i < 1000; ++i)
    s.specs.push_back("spec" + std::to_string(1000 + i));
  for (const auto& each : s.specs) {
    s.kernels.emplace_back();
    s.kernels.back().spec = each;
    s.kernels.back().state = "idle";
  }
  const auto text = with(s);
  EXPECT_THAT(text, HasSubstr("kmux_kernels{spec=\"spec1031\",state=\"idle\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("spec1032")));
  EXPECT_THAT(text, HasSubstr("kmux_kernels{spec=\"other\",state=\"idle\"} 968\n"));
}

TEST(metrics, count_what_was_counted) {
  counters counted;
  counted.count(channel::iopub, direction::from_kernel, 100);
  counted.count(channel::iopub, direction::to_client, 120);
  counted.count(channel::shell, direction::to_kernel, 10);
  counted.count(channel::shell, direction::to_kernel, 11);
  counted.count(death::out_of_memory);
  counted.count(auth_failure::wrong);
  counted.count_response(101, milliseconds(3));
  counted.count_response(404, milliseconds(3));
  counted.count_response(0, milliseconds(3));
  const auto text = with({counted});
  for (const auto* const line :
       {"kmux_messages_total{channel=\"iopub\",direction=\"from_kernel\"} 1\n",
        "kmux_message_bytes_total{channel=\"iopub\",direction=\"to_client\"} 120\n",
        "kmux_messages_total{channel=\"shell\",direction=\"to_kernel\"} 2\n",
        "kmux_message_bytes_total{channel=\"shell\",direction=\"to_kernel\"} 21\n",
        "kmux_kernel_deaths_total{cause=\"out_of_memory\"} 1\n",
        "kmux_kernel_deaths_total{cause=\"signaled\"} 0\n",
        "kmux_auth_failures_total{reason=\"wrong\"} 1\n",
        "kmux_http_requests_total{code=\"1xx\"} 1\n", "kmux_http_requests_total{code=\"4xx\"} 1\n",
        "kmux_http_requests_total{code=\"5xx\"} 0\n",
        "kmux_http_request_duration_seconds_count 3\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(metrics, name_nobody_unless_asked_to) {
  const counters counted;
  storage found;
  found.journals["ID"] = 4096;
  found.journal_bytes = 4096;
  snapshot s{counted};
  s.kernels.resize(2);
  s.kernels[0] = {.id = "ID", .owner = "ann", .spec = "echo", .state = "idle", .messages = 7};
  s.kernels[1] = {.id = "NEW", .owner = "bob", .spec = "echo", .state = "idle"};
  EXPECT_THAT(with(s), Not(HasSubstr("kmux_journal_bytes"))) << "nobody has looked yet";
  s.stored = &found;
  EXPECT_THAT(with(s), HasSubstr("kmux_journal_bytes 4096\n"));
  EXPECT_THAT(with(s), Not(HasSubstr("owner=")));
  s.per_kernel = true;
  const auto text = with(s);
  EXPECT_THAT(text, HasSubstr("kmux_kernel_state{kernel=\"ID\",owner=\"ann\",spec=\"echo\","
                              "state=\"idle\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kmux_kernel_messages_total{kernel=\"ID\",owner=\"ann\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("kmux_kernel_journal_bytes{kernel=\"ID\",owner=\"ann\"} 4096\n"));
  EXPECT_THAT(text, Not(HasSubstr("kmux_kernel_journal_bytes{kernel=\"NEW\"")));
}

TEST(metrics, have_names_of_their_own) {
  std::set<std::string_view> names;
  for (const auto& each : all_metrics()) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    EXPECT_TRUE(each.name.starts_with("kmux_") || each.name.starts_with("process_")) << each.name;
    EXPECT_EQ(each.type == "counter", each.name.ends_with("_total")) << each.name;
    EXPECT_EQ(each.labels.find("owner") != std::string_view::npos, each.per_kernel) << each.name;
  }
}

TEST(metrics, the_manual_has_the_table) {
  std::ifstream file(std::string(KMUX_DOCS) + "/metrics.md");
  const std::string manual((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(manual.find(metrics_as_markdown()), std::string::npos)
      << "put this into docs/metrics.md:\n"
      << metrics_as_markdown();
}

}  // namespace
}  // namespace kmux::daemon
