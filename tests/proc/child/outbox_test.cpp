// What the loops are made of: the outbox, captured output, the process's log, the poll loop.
#include "proc/child/outbox.hpp"

#include <filesystem>
#include <fstream>
#include <future>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "proc/child/bounded_log.hpp"
#include "proc/child/output_capture.hpp"
#include "proc/child/poll_loop.hpp"

namespace kmux::child {
namespace {

using namespace std::chrono_literals;

TEST(poll_loop, knows_its_longest_round) {
  poll_loop loop;
  event_fd work;
  constexpr auto long_time = 30ms;
  std::vector<std::chrono::nanoseconds> lags;
  loop.watch(work.fd(), [&] {
    lags.push_back(loop.take_lag());
    const auto until = std::chrono::steady_clock::now() + long_time;
    if (lags.size() == 2) {
      while (std::chrono::steady_clock::now() < until) {
      }
    }
    if (lags.size() == 4) loop.stop();
  });
  work.set();
  loop.run();
  EXPECT_GE(lags[2], long_time);
  EXPECT_GT(lags[3], 0ns) << "a round takes some time";
  loop.take_lag();
  EXPECT_EQ(loop.take_lag(), 0ns);
}

TEST(output_capture, characters_are_not_cut_apart) {
  EXPECT_EQ(cut_character("abc"), 0U);
  EXPECT_EQ(cut_character("\xc3\xa4"), 0U);
  EXPECT_EQ(cut_character("a\xc3"), 1U);
  EXPECT_EQ(cut_character("\xe2\x82"), 2U);
  EXPECT_EQ(cut_character("\xf0\x9f\x98"), 3U);
  EXPECT_EQ(cut_character("\xf0\x9f\x98\x80"), 0U);
  EXPECT_EQ(cut_character("\x80\x80\x80"), 0U) << "no character at all: passed on as it is";
  EXPECT_EQ(cut_character(""), 0U);
}

outbox::clock::time_point at(std::chrono::milliseconds since) {
  return outbox::clock::time_point(std::chrono::hours(1)) + since;
}

bool is_readable(int fd) {
  pollfd it{fd, POLLIN, 0};
  return ::poll(&it, 1, 0) == 1;
}

TEST(outbox, a_full_one_makes_the_writer_wait) {
  outbox box(100);
  ASSERT_TRUE(box.push(channel::iopub, {}, 90));
  std::promise<void> entered;
  std::atomic<bool> passed = false;
  std::thread writer([&] {
    entered.set_value();
    box.push(channel::iopub, {}, 50);
    passed = true;
  });
  entered.get_future().wait();
  EXPECT_FALSE(passed);
  EXPECT_EQ(box.take(at(0ms)).size(), 1U);
  writer.join();
  EXPECT_TRUE(passed);
  EXPECT_EQ(box.take(at(0ms)).size(), 1U);
  box.close();
  EXPECT_FALSE(box.push(channel::iopub, {}, 1));
}

std::string text_of(const outbox::item& each) {
  const auto* const text = std::get_if<outbox::text>(&each);
  return text == nullptr ? "no text" : text->name + ": " + text->bytes;
}

TEST(outbox, the_first_text_goes_soon_and_what_follows_is_gathered) {
  outbox box;
  EXPECT_EQ(box.try_write({}, "stdout", "a"), outbox::written::settle);
  EXPECT_TRUE(box.take(at(0ms)).empty());
  EXPECT_EQ(box.try_write({}, "stdout", "\n"), outbox::written::yes);
  EXPECT_EQ(box.due(), at(outbox::gather));
  auto taken = box.take(box.due());
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(text_of(taken.front()), "stdout: a\n");
  for (const char* const each : {"b", "c"})
    box.try_write({}, "stdout", each);
  box.try_write({}, "stderr", "d");
  box.try_write({}, "stdout", "e\n");
  EXPECT_TRUE(box.take(at(2ms)).empty());
  EXPECT_EQ(box.due(), at(outbox::gather + outbox::text_pause));
  taken = box.take(box.due());
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(text_of(taken[0]), "stdout: bc");
  EXPECT_EQ(text_of(taken[1]), "stderr: d");
  EXPECT_EQ(text_of(taken[2]), "stdout: e\n");
  EXPECT_EQ(box.due(), outbox::clock::time_point::max());
}

/// The writer of "a" lost the processor before it wrote the end of its line.
TEST(outbox, an_open_line_waits_for_its_end) {
  outbox box;
  box.try_write({}, "stdout", "a");
  EXPECT_TRUE(box.take(at(0ms)).empty());
  EXPECT_TRUE(box.take(box.due()).empty());
  EXPECT_EQ(box.due(), at(outbox::gather + outbox::settle_patience));
  box.try_write({}, "stdout", "\n");
  EXPECT_TRUE(is_readable(box.fd())) << "who sleeps for its sake is woken";
  EXPECT_EQ(box.due(), at(outbox::gather));
  const auto taken = box.take(at(9ms));
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(text_of(taken.front()), "stdout: a\n");
}

TEST(outbox, an_open_line_goes_when_it_is_settled_or_in_the_end) {
  outbox box;
  box.try_write({}, "stdout", "a");
  box.take(at(0ms));
  EXPECT_TRUE(box.take(at(2ms)).empty());
  box.settle();
  EXPECT_TRUE(is_readable(box.fd()));
  EXPECT_EQ(box.take(at(2ms)).size(), 1U);
  box.try_write({}, "stdout", "b");
  box.take(at(100ms));
  EXPECT_TRUE(box.take(at(102ms)).empty());
  EXPECT_EQ(box.take(box.due()).size(), 1U) << "nobody settles it";
  EXPECT_EQ(box.due(), outbox::clock::time_point::max());
}

TEST(outbox, an_open_line_that_nobody_settles_waits_less) {
  outbox box;
  box.try_write({}, "stdout", "a\n");
  EXPECT_EQ(box.try_write({}, "stdout", "b"), outbox::written::yes);
  box.take(at(0ms));
  EXPECT_TRUE(box.take(at(outbox::gather)).empty());
  EXPECT_EQ(box.due(), at(outbox::gather + outbox::line_patience));
  box.push(channel::iopub, {}, 1, outbox::haste::soon);
  EXPECT_EQ(box.take(at(outbox::gather)).size(), 2U) << "a message waits for no line";
}

/// print("a") behind a message that is on its way: the message goes, and cuts no line.
TEST(outbox, a_line_that_was_begun_behind_a_message_stays) {
  for (const auto when : {outbox::haste::now, outbox::haste::soon}) {
    outbox box;
    box.push(channel::iopub, {}, 1, when);
    box.try_write({}, "stdout", "a");
    const auto go = when == outbox::haste::now ? at(0ms) : (box.take(at(0ms)), box.due());
    EXPECT_EQ(box.take(go).size(), 1U);
    EXPECT_EQ(box.due(), go + outbox::line_patience);
    EXPECT_TRUE(box.take(go).empty());
    box.try_write({}, "stdout", "\n");
    EXPECT_TRUE(is_readable(box.fd()));
    const auto line = box.take(go);
    ASSERT_EQ(line.size(), 1U);
    EXPECT_EQ(text_of(line.front()), "stdout: a\n");
  }
}

TEST(outbox, a_line_that_stayed_goes_in_the_end) {
  outbox box;
  const auto begin = [&] {
    box.push(channel::iopub, {}, 1);
    box.try_write({}, "stdout", "a");
  };
  begin();
  EXPECT_EQ(box.take(at(0ms)).size(), 1U);
  EXPECT_EQ(box.take(box.due()).size(), 1U) << "its end does not come";
  begin();
  EXPECT_EQ(box.take(at(100ms)).size(), 1U);
  box.push(channel::iopub, {}, 1);
  EXPECT_EQ(box.take(at(100ms)).size(), 2U) << "something stands behind it";
  begin();
  box.hurry();
  EXPECT_EQ(box.take(at(200ms)).size(), 2U);
}

bool wakes(outbox& box) {
  const bool awake = is_readable(box.fd());
  box.take(at(0ms));
  return awake;
}

TEST(outbox, what_is_expected_wakes_nobody) {
  outbox box;
  box.push(channel::iopub, {}, 1, outbox::haste::soon);
  EXPECT_TRUE(wakes(box)) << "the clock is to be set";
  box.take(at(outbox::gather));
  box.expect(at(5ms));
  EXPECT_EQ(box.due(), at(5ms + outbox::gather));
  box.push(channel::iopub, {}, 1, outbox::haste::soon);
  EXPECT_FALSE(is_readable(box.fd()));
  box.push(channel::iopub, {}, 1, outbox::haste::now);
  EXPECT_TRUE(is_readable(box.fd()));
  EXPECT_EQ(box.take(at(5ms)).size(), 2U);
  box.expect(at(7ms));
  EXPECT_TRUE(box.take(box.due()).empty()) << "it did not come";
  EXPECT_EQ(box.due(), outbox::clock::time_point::max());
  box.push(channel::iopub, {}, 1, outbox::haste::soon);
  EXPECT_TRUE(wakes(box));
}

TEST(outbox, a_message_or_much_text_is_ready_at_once) {
  outbox box;
  box.try_write({}, "stdout", "b");
  box.push(channel::shell, {}, 1);
  const auto taken = box.take(at(0ms));
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(text_of(taken[0]), "stdout: b");
  box.try_write({}, "stdout", std::string(outbox::much, 'x'));
  EXPECT_EQ(box.take(at(0ms)).size(), 1U);
}

TEST(outbox, text_without_room_is_refused_whole) {
  outbox box(10);
  EXPECT_NE(box.try_write({}, "stdout", "123456789\n"), outbox::written::no_room);
  EXPECT_EQ(box.try_write({}, "stdout", "x"), outbox::written::no_room);
  EXPECT_FALSE(box.has_room());
  EXPECT_TRUE(box.take(at(0ms)).empty());
  EXPECT_EQ(box.take(at(outbox::gather)).size(), 1U);
  EXPECT_TRUE(box.has_room());
  EXPECT_NE(box.try_write({}, "stdout", "x"), outbox::written::no_room);
}

TEST(bounded_log, keeps_the_newest) {
  const auto path =
      std::filesystem::temp_directory_path() / ("kmux-log-" + std::to_string(::getpid()));
  {
    bounded_log log(path, 1000);
    for (int i = 0; i < 1000; ++i)
      log.append("line " + std::to_string(i) + "\n");
    log.append(std::string(5000, 'x') + "the end");
  }
  EXPECT_LE(std::filesystem::file_size(path), 1000U);
  std::filesystem::remove(path);
  bounded_log nowhere("/does/not/exist", 1000);
  nowhere.append("thrown away");
}

}  // namespace
}  // namespace kmux::child
