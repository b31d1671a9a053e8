// The journal as those see it who write and read it.
#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include "tests/proc/journal/journal_fixture.hpp"

namespace kmux::journal {
namespace {

using strings = std::vector<std::string>;

class journal : public journal_fixture {};

TEST_F(journal, gives_back_what_was_flushed_in_order) {
  auto out = open();
  EXPECT_EQ(say(out, "a"), 1U);
  EXPECT_EQ(say(out, "b"), 2U);
  EXPECT_EQ(read(), strings{}) << "not flushed";
  out.flush();
  EXPECT_EQ(read(), (strings{"1:a", "2:b"}));
  EXPECT_EQ(read(1), strings{"2:b"});
  EXPECT_EQ(read(2), strings{});
  EXPECT_EQ(read(99), strings{});
}

TEST_F(journal, keeps_frames_kinds_and_notes) {
  auto out = open();
  const std::string binary("\0\xff\xb1kmr", 6);
  out.append(kind::stdin_, {"h", "p", "m", "c", binary, ""});
  out.note(kind::request, {"q", "", "", ""});
  out.flush();
  reader from(top_, 0);
  stored_record r;
  ASSERT_TRUE(from.next(r));
  EXPECT_EQ(r.what, kind::stdin_);
  message_view m;
  ASSERT_TRUE(r.message(m));
  EXPECT_EQ(m, (message_view{"h", "p", "m", "c", {binary, ""}}));
  ASSERT_TRUE(from.next(r));
  EXPECT_EQ(r.what, kind::request);
  EXPECT_EQ(r.number, 1U);
  EXPECT_EQ(r.frames.front(), "q");
  EXPECT_FALSE(from.next(r));
}

TEST_F(journal, is_read_while_it_is_written) {
  auto out = open(256 << 10);
  reader from(top_, 0);
  stored_record r;
  EXPECT_FALSE(from.next(r));
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    EXPECT_EQ(say(out, std::string(i % 300, 'x')), i);
    if (i % 7 != 0) continue;
    out.flush();
    while (from.position() < i) {
      ASSERT_TRUE(from.next(r)) << i;
      EXPECT_EQ(r.frames[3].size(), r.number % 300);
    }
    EXPECT_FALSE(from.next(r));
  }
}

/// This process can open nothing more.
class no_descriptors {
public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = ::dup(0);
    ::close(lowest);
    const rlimit none{static_cast<rlim_t>(lowest), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

private:
  rlimit before_{};
};

TEST_F(journal, what_cannot_be_opened_for_now_is_not_missing) {
  auto out = open();
  say(out, "a");
  out.flush();
  reader from(top_, 0);
  stored_record r;
  {
    const no_descriptors now;
    EXPECT_FALSE(from.next(r));
    EXPECT_TRUE(from.refused());
  }
  ASSERT_TRUE(from.next(r));
  EXPECT_EQ(r.number, 1U);
  {
    const no_descriptors now;
    EXPECT_FALSE(from.next(r)) << "whether there is another segment cannot be told";
    EXPECT_TRUE(from.refused());
  }
  EXPECT_FALSE(from.next(r));
  EXPECT_FALSE(from.refused()) << "this is the end";
}

/// The writer was stopped between making the file and writing into it.
TEST_F(journal, a_segment_that_is_being_begun_is_read_when_it_has) {
  auto out = open();
  say(out, "a");
  out.flush();
  reader from(top_, 0), late(top_, 1);
  stored_record r;
  ASSERT_TRUE(from.next(r));
  const std::string file = top_ + "/" + segment_name(2);
  std::string bytes = make_segment_head(2);
  append_record(bytes, {2, 1, kind::iopub, {"{}", "{}", "{}", "b"}});
  for (const auto& begun : {std::string(), bytes.substr(0, 1)}) {
    put_bytes(file, begun);
    EXPECT_FALSE(from.next(r));
    EXPECT_FALSE(late.next(r));
  }
  put_bytes(file, bytes);
  for (auto* const each : {&from, &late}) {
    ASSERT_TRUE(each->next(r));
    EXPECT_EQ(r.number, 2U);
    EXPECT_FALSE(each->next(r));
  }
}

TEST_F(journal, goes_on_counting_after_its_process) {
  {
    auto out = open();
    say(out, "a");
    say(out, "b");
  }
  auto out = open();
  EXPECT_EQ(say(out, "c"), 3U);
  out.flush();
  EXPECT_EQ(read(), (strings{"1:a", "2:b", "3:c"}));
  writer::settings s;
  s.directory = top_;
  s.after = 10;
  EXPECT_EQ(writer(s, {}).last(), 10U);
}

TEST_F(journal, forgets_the_oldest_and_says_from_where_it_has_everything) {
  constexpr std::uint64_t bound = 512 << 10;
  auto out = open(bound);
  const std::string text(1000, 'x');
  for (int i = 0; i < 5000; ++i) {
    say(out, text);
    if (i % 10 == 0) out.flush();
  }
  out.flush();
  std::uint64_t total = 0;
  for (const auto& each : files())
    total += std::filesystem::file_size(each);
  EXPECT_LE(total, bound);
  EXPECT_GT(total, bound / 2);
  reader from(top_, 0);
  stored_record r;
  ASSERT_TRUE(from.next(r));
  EXPECT_GT(r.number, 4000U);
  std::uint64_t last = r.number;
  while (from.next(r))
    EXPECT_EQ(r.number, ++last);
  EXPECT_EQ(last, 5000U);
}

TEST_F(journal, lets_a_reader_that_was_overtaken_go_on_where_it_can) {
  auto out = open(256 << 10);
  say(out, "first");
  out.flush();
  reader from(top_, 0);
  stored_record r;
  ASSERT_TRUE(from.next(r));
  const std::string text(1000, 'x');
  for (int i = 0; i < 5000; ++i)
    say(out, text);
  out.flush();
  std::uint64_t last = 0;
  while (from.next(r)) {
    EXPECT_GT(r.number, last);
    last = r.number;
  }
  EXPECT_EQ(last, 5001U);
}

TEST_F(journal, keeps_large_messages_and_leaves_out_what_is_larger_than_itself) {
  auto out = open(4 << 20);
  const std::string large(3 << 20, 'L'), too_large(5 << 20, 'T');
  say(out, "a");
  say(out, large);
  say(out, too_large);
  say(out, "b");
  out.flush();
  const auto all = read();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1], "2:" + large);
  EXPECT_EQ(all[2], "4:b");
  EXPECT_EQ(troubles_, strings{});
}

TEST_F(journal, passes_over_what_is_longer_than_its_reader_takes) {
  auto out = open(4 << 20);
  say(out, "a");
  say(out, std::string(3 << 20, 'L'));
  say(out, std::string(100'000, 'l'));
  say(out, "b");
  out.flush();
  reader::settings s;
  s.most_record = 50'000;
  reader from(top_, 0, s);
  stored_record r;
  ASSERT_TRUE(from.next(r));
  EXPECT_EQ(r.number, 1U);
  ASSERT_TRUE(from.next(r));
  EXPECT_EQ(r.number, 4U);
}

TEST_F(journal, forgets_by_age) {
  writer::settings s;
  s.directory = top_;
  s.most_age = std::chrono::seconds(3600);
  {
    writer old(s, {});
    say(old, "old");
  }
  utimbuf long_ago{1'600'000'000, 1'600'000'000};
  ASSERT_EQ(::utime(files().at(0).c_str(), &long_ago), 0);
  writer out(s, {});
  EXPECT_EQ(say(out, "new"), 2U);
  out.flush();
  EXPECT_EQ(read(), strings{"2:new"});
}

TEST_F(journal, begins_a_segment_when_one_is_old_so_that_ages_are_kept_to) {
  writer::settings s;
  s.directory = top_;
  s.most_age = std::chrono::seconds(1);
  writer out(s, {});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  // Where the process stood still for long, all but the newest is gone at once: then go on.
  const auto is_kept_to = [&] { return read().front() != "1:x" && files().size() > 1; };
  do {
    say(out, "x");
    out.flush();
  } while (!is_kept_to() && std::chrono::steady_clock::now() < deadline);
  EXPECT_NE(read().front(), "1:x") << "the first is older than a second";
  EXPECT_GT(files().size(), 1U);
  EXPECT_EQ(read().back(), std::to_string(out.last()) + ":x");
}

TEST_F(journal, has_one_writer) {
  auto out = open();
  say(out, "a");
  out.flush();
  const pid_t other = ::fork();
  if (other == 0) {
    auto second = open();
    say(second, "b");
    second.flush();
    ::_exit(second.failing() && troubles_ == strings{"another process writes to it"} ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read(), strings{"1:a"});
}

/// A disk that refuses: files may not grow beyond `bytes`.
class refusing_disk {
public:
  explicit refusing_disk(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~refusing_disk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

private:
  rlimit before_{};
};

TEST_F(journal, recovers_from_a_disk_that_refuses) {
  auto out = open();
  say(out, "a");
  out.flush();
  {
    const refusing_disk full(500);
    say(out, std::string(1000, 'x'));
    out.flush();
    EXPECT_TRUE(out.failing());
    ASSERT_EQ(troubles_.size(), 1U);
    EXPECT_NE(troubles_[0].find("File too large"), std::string::npos) << troubles_[0];
    EXPECT_EQ(say(out, "lost"), 3U) << "numbered all the same";
    EXPECT_EQ(read(), strings{"1:a"}) << "what was half written is taken back";
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (out.failing() && std::chrono::steady_clock::now() < deadline) {
    say(out, "again");
    out.flush();
  }
  EXPECT_EQ(troubles_.back(), "");
  say(out, "on");
  out.flush();
  const auto all = read();
  ASSERT_GE(all.size(), 2U);
  EXPECT_EQ(all[0], "1:a");
  EXPECT_EQ(all.back(), std::to_string(out.last()) + ":on");
  EXPECT_GT(std::stoull(all[1]), 2U) << "the gap is there to be seen";
}

TEST_F(journal, recovers_when_its_directory_comes_back) {
  auto out = open();
  std::filesystem::remove_all(top_);
  say(out, "a");
  out.flush();
  EXPECT_TRUE(out.failing());
  std::filesystem::create_directory(top_);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (out.failing() && std::chrono::steady_clock::now() < deadline) {
    say(out, "b");
    out.flush();
  }
  EXPECT_FALSE(out.failing());
  EXPECT_EQ(read().back(), std::to_string(out.last()) + ":b");
}

TEST_F(journal, a_small_one_keeps_the_newest_of_a_long_turn) {
  auto out = open(64 << 10);
  for (int i = 0; i < 3000; ++i)
    say(out, std::string(100, 'x'));
  const auto last = say(out, "last");
  out.flush();
  const auto kept = read();
  ASSERT_FALSE(kept.empty());
  EXPECT_EQ(kept.back(), std::to_string(last) + ":last");
  EXPECT_TRUE(troubles_.empty());
}

}  // namespace
}  // namespace kmux::journal
