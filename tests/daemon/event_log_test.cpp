#include "daemon/events/event_log.hpp"

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "daemon/events/event_reader.hpp"
#include "event_fixture.hpp"
#include "proc/supervise/files.hpp"

namespace kmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t second = 1'000'000;

class event_files : public event_directory {
protected:
  std::unique_ptr<event_log> open(std::size_t most = 1 << 20) const {
    auto out = std::make_unique<event_log>(file(), most);
    out->open();
    return out;
  }
  /// Each with a second of its own.
  void add(event_log& to, int count = 1) {
    for (int i = 0; i < count; ++i)
      to.add(now_ += second, "kernel_state", {{"kernel", "k"}, {"state", "running"}});
  }
  std::vector<std::uint64_t> stored(std::uint64_t after = 0) const {
    event_reader from(file(), after);
    return rest_of(from);
  }
  static std::vector<std::uint64_t> rest_of(event_reader& from) {
    std::vector<std::uint64_t> out;
    stored_event each;
    while (from.next(each))
      out.push_back(each.number);
    return out;
  }
  static std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> out;
    for (; first <= last; ++first)
      out.push_back(first);
    return out;
  }
  void append(std::string_view text, const std::string& suffix = "") const {
    std::ofstream(file() + suffix, std::ios::app | std::ios::binary) << text;
  }

  std::int64_t now_ = 1'750'000'000 * second;
};

TEST_F(event_files, numbers_go_on_and_nobody_else_can_read) {
  {
    const auto log = open();
    EXPECT_EQ(log->last(), 0U);
    add(*log, 3);
    EXPECT_EQ(log->first_in_memory(), 1U);
    EXPECT_EQ(log->trouble(), "");
  }
  const auto log = open();
  EXPECT_EQ(log->last(), 3U);
  EXPECT_EQ(log->newest().size(), 3U);
  add(*log);
  EXPECT_EQ(stored(), range(1, 4));
  for (const auto* const suffix : {"", ".number"})
    EXPECT_EQ(fs::status(file() + suffix).permissions(), fs::perms(0600)) << suffix;
}

TEST_F(event_files, a_torn_line_is_skipped_and_costs_no_other) {
  add(*open(), 2);
  append(R"({"number": 3, "time": "20)");
  const auto log = open();
  EXPECT_EQ(log->last(), 2U);
  EXPECT_EQ(log->damaged(), 0U) << "it may be being written";
  add(*log, 2);
  EXPECT_EQ(stored(), range(1, 4));
  event_reader from(file());
  rest_of(from);
  EXPECT_EQ(from.damaged(), 1U);
}

TEST_F(event_files, a_last_line_without_its_end_is_a_line) {
  append(R"({"number": 7, "time": "t", "event": "kernel_state"})");
  const auto log = open();
  EXPECT_EQ(log->last(), 7U);
  EXPECT_EQ(log->newest().size(), 1U);
  add(*log);
  EXPECT_EQ(stored(), range(7, 8));
}

TEST_F(event_files, what_is_no_event_is_counted) {
  add(*open());
  const std::string good = R"({"number": 7, "time": "t", "event": "kernel_state"})";
  for (const std::string& bad :
       {std::string("nonsense"), std::string(R"({"number": 2})"), std::string("[1, 2]"),
        std::string(R"({"number": -2, "time": "t", "event": "a"})"),
        std::string(R"({"number": 99999999999999999999, "time": "t", "event": "a"})"),
        std::string(R"({"number": 9007199254740992, "time": "t", "event": "a"})"),
        std::string(R"({"number": 3, "time": "t", "event": "A B"})"),
        std::string("{\"number\": 3, \"time\": \"t\",\r\"event\": \"a\"}"),
        std::string(R"({"number": 4, "time": "t", "event": "a", "x": )") + std::string(5000, '['),
        std::string(300 << 10, 'x')}) {
    append(bad + "\n");
  }
  append(good + "\n" + R"({"number": 5, "time": "t", "event": "from_before"})" + "\n");
  event_reader from(file());
  EXPECT_EQ(rest_of(from), (std::vector<std::uint64_t>{1, 7}));
  EXPECT_EQ(from.damaged(), 10U);
  EXPECT_EQ(open()->last(), 7U);
}

TEST_F(event_files, they_are_bounded) {
  constexpr std::size_t most = 4000;
  const auto log = open(most);
  add(*log, 500);
  EXPECT_LE(fs::file_size(file()) + fs::file_size(file() + ".1"), most);
  const auto kept = stored();
  ASSERT_FALSE(kept.empty());
  EXPECT_GT(kept.size(), 15U);
  EXPECT_EQ(kept, range(kept.front(), 500));
  EXPECT_GE(log->first_in_memory(), kept.front());
  std::size_t memory = 0;
  for (const auto& each : log->newest())
    memory += each.line.size();
  EXPECT_LE(memory, most / 2);
}

TEST_F(event_files, a_reader_goes_on_while_files_change) {
  constexpr std::size_t most = 8000;
  const auto log = open(most);
  event_reader from(file());
  EXPECT_TRUE(rest_of(from).empty());
  std::vector<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    add(*log, 5);
    for (const auto each : rest_of(from))
      seen.push_back(each);
  }
  EXPECT_EQ(seen, range(1, 500));
  EXPECT_EQ(from.damaged(), 0U);
  EXPECT_EQ(stored(490), range(491, 500));
}

TEST_F(event_files, only_the_end_is_read_at_the_start) {
  add(*open(1 << 20), 2000);
  ASSERT_GT(fs::file_size(file()), 200U << 10);
  event_reader from(file(), 0, 2000);
  const auto read = rest_of(from);
  ASSERT_FALSE(read.empty());
  EXPECT_LT(read.size(), 30U);
  EXPECT_EQ(read, range(read.front(), 2000));
  EXPECT_EQ(from.damaged(), 0U);
}

TEST_F(event_files, a_number_is_never_given_twice) {
  add(*open(), 5);
  fs::remove(file());
  const auto log = open();
  EXPECT_EQ(log->last(), 5U);
  EXPECT_EQ(log->first_in_memory(), 6U);
  add(*log);
  EXPECT_EQ(stored(), range(6, 6));
}

TEST_F(event_files, a_file_that_was_removed_is_begun_anew) {
  const auto log = open();
  add(*log, 2);
  fs::remove(file());
  add(*log);
  EXPECT_EQ(stored(), range(3, 3));
}

TEST_F(event_files, where_it_cannot_be_written_it_is_in_memory_and_written_later) {
  const auto log = open();
  add(*log, 2);
  fs::rename(file(), file() + ".aside");
  fs::create_directory(file());
  fs::remove(file() + ".aside");
  add(*log, 3);
  EXPECT_NE(log->trouble(), "");
  EXPECT_EQ(log->newest().size(), 5U);
  fs::remove(file());
  log->add(now_ += 1000, "too_soon_for_another_try", {});
  EXPECT_NE(log->trouble(), "");
  add(*log);
  EXPECT_EQ(log->trouble(), "");
  EXPECT_EQ(stored(), range(3, 7));
}

TEST_F(event_files, two_daemons_do_not_share_it) {
  const auto first = open();
  add(*first);
  const auto second_one = open();
  EXPECT_NE(second_one->trouble().find("another daemon"), std::string::npos)
      << second_one->trouble();
  add(*second_one);
  add(*first);
  EXPECT_EQ(stored(), range(1, 2));
}

TEST_F(event_files, nothing_on_disk) {
  add(*open(), 3);
  const auto log = open(0);
  EXPECT_FALSE(fs::exists(file()));
  add(*log);
  EXPECT_EQ(log->last(), 4U);
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_EQ(log->trouble(), "");
}

TEST_F(event_files, links_and_fifos_are_not_followed) {
  const std::string elsewhere = directory_ + "/elsewhere";
  std::ofstream(elsewhere) << "theirs\n";
  fs::create_symlink(elsewhere, file());
  ASSERT_EQ(::mkfifo((file() + ".1").c_str(), 0600), 0);
  const auto log = open();
  add(*log);
  EXPECT_NE(log->trouble(), "");
  EXPECT_EQ(*supervise::read_file(elsewhere), "theirs\n");
}

}  // namespace
}  // namespace kmux::daemon
