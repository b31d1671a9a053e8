#include "daemon/events/event_stream.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "captured_log.hpp"
#include "daemon/events/event_cursor.hpp"
#include "event_fixture.hpp"

namespace kmux::daemon {
namespace {

stored_event some(std::uint64_t number, const std::string& kernel = "k",
                  const std::string& name = "kernel_state") {
  return make_event(number, 0, name, {{"kernel", kernel}, event_member::unlogged("owner", "ann")});
}

std::string gap(std::uint64_t first, std::uint64_t last) {
  return dropped_line(first, last) + "\n";
}

TEST(event_line, the_log_and_the_stream_say_the_same) {
  const event_members members = {{"kernel", "k"},
                                 {"spec", "echo"},
                                 {"pid", 12},
                                 event_member::text("cause", "it said \"no\"\nand died"),
                                 event_member::unlogged("owner", "ann")};
  EXPECT_EQ(event_text("kernel_ended", members),
            R"(event=kernel_ended kernel=k spec=echo pid=12 cause="it said \"no\"\nand died")");
  const auto made = make_event(7, 1'750'000'000'000'001, "kernel_ended", members);
  EXPECT_EQ(made.line,
            R"({"number": 7, "time": "2025-06-15T15:06:40.000001Z", "event": "kernel_ended", )"
            R"("kernel": "k", "spec": "echo", "pid": 12, "cause": "it said \"no\"\nand died", )"
            R"("owner": "ann"})");
  const auto read = parse_event(made.line);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->number, 7U);
  EXPECT_EQ(read->name, "kernel_ended");
  EXPECT_EQ(read->kernel, "k");
  EXPECT_EQ(read->owner, "ann");
}

TEST(event_line, what_others_have_said_stays_on_its_line) {
  EXPECT_EQ(event_text("a", {{"session", "x\nevent=ready"}, {"owner", "a b"}, {"path", "/x"}}),
            R"(event=a session="x\nevent=ready" owner="a b" path=/x)");
}

TEST(event_line, long_values_are_cut_between_characters) {
  std::string text(1023, 'x');
  for (int i = 0; i < 1000; ++i)
    text += "\u00e9";
  const auto made = make_event(1, 0, "a", {event_member::text("error", text)});
  EXPECT_NE(made.line.find("xx\"}"), std::string::npos) << made.line;
  EXPECT_TRUE(parse_event(made.line).has_value());
}

TEST(event_cursor, what_is_missing_is_told) {
  event_cursor::wish wish;
  wish.after = 3;
  wish.counts = true;
  event_cursor counting(wish);
  std::string out;
  counting.take(some(3), out);
  EXPECT_EQ(out, "");
  counting.take(some(6), out);
  EXPECT_EQ(out, gap(4, 5) + some(6).line + "\n");
  out.clear();
  counting.take(some(7), out);
  counting.pass(9, out);
  EXPECT_EQ(out, some(7).line + "\n" + gap(8, 9));

  event_cursor from_the_beginning(event_cursor::wish{});
  out.clear();
  from_the_beginning.take(some(6), out);
  EXPECT_EQ(out, some(6).line + "\n") << "who did not count misses nothing";
}

TEST(event_cursor, a_reader_gets_what_is_wanted_and_may_be_seen) {
  event_cursor::wish wish;
  wish.filter.kernel = "k";
  wish.filter.types = {"kernel_state", "kernel_ended"};
  wish.may_see = [](const stored_event& e) { return e.number != 4; };
  wish.most = 2;
  event_cursor cursor(wish);
  std::string out;
  cursor.take(some(1, "other"), out);
  cursor.take(some(2, "k", "client_connected"), out);
  cursor.take(some(3), out);
  cursor.take(some(4), out);
  EXPECT_FALSE(cursor.done());
  cursor.take(some(5, "k", "kernel_ended"), out);
  EXPECT_TRUE(cursor.done());
  cursor.take(some(6), out);
  EXPECT_EQ(out, some(3).line + "\n" + some(5, "k", "kernel_ended").line + "\n");
  EXPECT_EQ(cursor.position(), 5U);
}

TEST(event_cursor, server_sent_events_have_the_number_to_go_on_from) {
  event_cursor::wish wish;
  wish.counts = true;
  wish.as = event_cursor::format::server_sent;
  event_cursor cursor(wish);
  std::string out;
  cursor.take(some(3), out);
  EXPECT_EQ(out, "id: 2\nevent: events_dropped\ndata: " + dropped_line(1, 2) +
                     "\n\nid: 3\nevent: kernel_state\ndata: " + some(3).line + "\n\n");
  EXPECT_EQ(cursor.keep_alive(), ":\n\n");
}

class event_streams : public event_directory {
protected:
  boost::asio::io_context io_;
};

TEST_F(event_streams, one_place_says_it_to_both) {
  const captured_log log;
  event_stream events(io_, file(), 1 << 20);
  events.say("kernel_launched", {{"kernel", "k"}, {"pid", 3}}, severity::warning);
  EXPECT_NE(log.text().find("[warning] event=kernel_launched kernel=k pid=3"), std::string::npos)
      << log.text();
  ASSERT_EQ(events.log().newest().size(), 1U);
  EXPECT_EQ(events.log().newest().front().kernel, "k");
}

TEST_F(event_streams, what_strangers_cause_cannot_push_out_the_rest) {
  const captured_log log;
  event_stream events(io_, file(), 1 << 20);
  for (int i = 0; i < 1000; ++i)
    events.say_seldom("access_refused", {{"status", 401}});
  events.say_seldom("limit_reached", {});
  EXPECT_EQ(events.log().last(), 11U);
  EXPECT_EQ(events.log().newest().back().name, "limit_reached");
}

TEST_F(event_streams, trouble_is_told_once_and_its_end_too) {
  const captured_log log;
  std::filesystem::create_directory(file());
  event_stream events(io_, file(), 1 << 20);
  for (int i = 0; i < 3; ++i)
    events.say("kernel_state", {});
  std::vector<std::string> names;
  for (const auto& each : events.log().newest())
    names.push_back(each.name);
  EXPECT_EQ(names, (std::vector<std::string>{"kernel_state", "events_not_written", "kernel_state",
                                             "kernel_state"}));
}

TEST_F(event_streams, damage_is_told) {
  const captured_log log;
  std::ofstream(file()) << "nonsense\n";
  event_stream events(io_, file(), 1 << 20);
  EXPECT_NE(log.text().find("event=events_damaged lines=1"), std::string::npos) << log.text();
}

}  // namespace
}  // namespace kmux::daemon
