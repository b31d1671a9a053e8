// ZMTP 3.0 in literal bytes, cut anywhere, and beyond its limits.
#include "protocol/zmtp.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace kmux {
namespace {

using namespace std::string_literals;
using event = zmtp_reader::event;

const std::string greeting =
    "\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL"s + std::string(16, '\0') + std::string(32, '\0');
const std::string router_ready = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER"s;

/// What a reader says of `bytes`, given in pieces of `step` bytes.
struct reading {
  std::vector<event> events;
  std::vector<std::vector<std::string>> messages;
};

void feed(zmtp_reader& reader, std::string_view bytes, std::size_t step, reading& out) {
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, step);
    bytes.remove_prefix(input.size());
    for (event e = reader.read(input); e != event::starved; e = reader.read(input)) {
      out.events.push_back(e);
      if (e == event::broken) return;
      if (e != event::message) continue;
      const auto message = reader.take();
      auto& frames = out.messages.emplace_back();
      for (std::size_t i = 0; i < message.size(); ++i)
        frames.emplace_back(message.view(i));
    }
    EXPECT_TRUE(input.empty());
  }
}

reading read_all(const std::string& bytes, std::size_t step = 1 << 20,
                 zmtp_role role = zmtp_role::dealer, zmtp_reader::limits limits = {}) {
  zmtp_reader reader(role, limits);
  reading out;
  feed(reader, bytes, step, out);
  return out;
}

std::string frame(std::string_view body, bool more) {
  std::array<char, longest_zmtp_head> head{};
  const auto n = write_zmtp_head(head, body.size(), more);
  return std::string(head.data(), n) + std::string(body);
}

TEST(zmtp, what_a_dealer_says_first) {
  EXPECT_EQ(zmtp_opening(zmtp_role::dealer, "me"), greeting +
                                                       "\x04\x2b\x05READY\x0bSocket-Type\0\0\0\x06"
                                                       "DEALER\x08Identity\0\0\0\x02me"s);
}

TEST(zmtp, what_a_sub_says) {
  EXPECT_EQ(zmtp_opening(zmtp_role::sub, "ignored"),
            greeting + "\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB"s);
  EXPECT_EQ(zmtp_subscription(), "\0\x01\x01"s);
}

TEST(zmtp, heads_of_frames) {
  EXPECT_EQ(frame("", false), "\0\0"s);
  EXPECT_EQ(frame("ab", true), "\x01\x02"s + "ab");
  EXPECT_EQ(frame(std::string(255, 'x'), false).substr(0, 2), "\0\xff"s);
  EXPECT_EQ(frame(std::string(256, 'x'), true).substr(0, 9), "\x03\0\0\0\0\0\0\x01\0"s);
}

TEST(zmtp, a_conversation_cut_anywhere) {
  const std::string bytes = greeting + router_ready + frame("one", true) + frame("", true) +
                            frame(std::string(300, 'x'), false) + frame("two", false);
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    const auto got = read_all(bytes, step);
    ASSERT_EQ(got.events, (std::vector{event::ready, event::message, event::message})) << step;
    EXPECT_EQ(got.messages[0], (std::vector<std::string>{"one", "", std::string(300, 'x')}));
    EXPECT_EQ(got.messages[1], (std::vector<std::string>{"two"}));
  }
}

TEST(zmtp, large_frames_are_received_where_they_stay) {
  const std::string body(200'000, 'y');
  zmtp_reader reader(zmtp_role::dealer, {});
  reading got;
  const std::string bytes = greeting + router_ready + frame("small", true) + frame(body, true);
  feed(reader, bytes.substr(0, bytes.size() - 150'000), 4096, got);
  const auto space = reader.space();
  ASSERT_EQ(space.size(), 150'000U);
  std::fill(space.begin(), space.end(), 'y');
  reader.filled(space.size());
  std::string_view nothing;
  EXPECT_EQ(reader.read(nothing), event::starved);
  EXPECT_TRUE(reader.space().empty());
  feed(reader, frame("end", false), 1, got);
  ASSERT_EQ(got.messages.size(), 1U);
  EXPECT_EQ(got.messages[0], (std::vector<std::string>{"small", body, "end"}));
}

TEST(zmtp, memory_of_a_large_frame_can_be_taken) {
  zmtp_reader reader(zmtp_role::dealer, {});
  const std::string bytes =
      greeting + router_ready + frame("small", true) + frame(std::string(100'000, 'z'), false);
  std::string_view input = bytes;
  EXPECT_EQ(reader.read(input), event::ready);
  EXPECT_EQ(reader.read(input), event::message);
  auto message = reader.take();
  EXPECT_EQ(message.take_large(0), nullptr);
  const auto large = message.take_large(1);
  EXPECT_EQ(std::string_view(large.get(), 100'000), std::string(100'000, 'z'));
}

TEST(zmtp, a_message_beyond_the_limits_is_passed_over) {
  zmtp_reader::limits limits;
  limits.max_bytes = 10;
  limits.max_frames = 3;
  const std::string good = frame("0123456789", false);
  const std::string head = greeting + router_ready;
  for (const std::string& bad :
       {frame("01234567890", false), frame("012345", true) + frame("67890", false),
        frame("", true) + frame("", true) + frame("", true) + frame("", false),
        frame(std::string(100'000, 'x'), true) + frame("more", false)}) {
    const auto got = read_all(head + good + bad + good, 7, zmtp_role::dealer, limits);
    EXPECT_EQ(got.events,
              (std::vector{event::ready, event::message, event::dropped, event::message}));
    EXPECT_EQ(got.messages.back(), (std::vector<std::string>{"0123456789"}));
  }
}

TEST(zmtp, a_size_near_the_end_of_numbers_is_beyond_the_limits_too) {
  zmtp_reader reader(zmtp_role::dealer, {});
  reading got;
  feed(reader, greeting + router_ready + frame("x", true) + "\x02" + std::string(8, '\xff'), 1000,
       got);
  EXPECT_EQ(got.events, std::vector{event::ready});
  EXPECT_TRUE(reader.space().empty());
}

TEST(zmtp, commands_that_nobody_asked_for_are_passed_over) {
  const auto got = read_all(greeting + router_ready + "\x04\x07\x04PING\0\0"s + frame("a", true) +
                            "\x06\0\0\0\0\0\0\0\x05\x04PONG"s + frame("b", false));
  EXPECT_EQ(got.events, (std::vector{event::ready, event::message}));
  EXPECT_EQ(got.messages[0], (std::vector<std::string>{"a", "b"}));
}

TEST(zmtp, who_fits) {
  const auto ready = [](const std::string& type) {
    const std::string body =
        "\x05READY\x0bSocket-Type\0\0\0"s + static_cast<char>(type.size()) + type;
    return greeting + "\x04" + static_cast<char>(body.size()) + body;
  };
  for (const auto* type : {"PUB", "XPUB"}) {
    EXPECT_EQ(read_all(ready(type), 1, zmtp_role::sub).events, std::vector{event::ready});
    EXPECT_EQ(read_all(ready(type)).events, std::vector{event::broken});
  }
  for (const auto* type : {"ROUTER", "REP", "DEALER"}) {
    EXPECT_EQ(read_all(ready(type)).events, std::vector{event::ready});
    EXPECT_EQ(read_all(ready(type), 1, zmtp_role::sub).events, std::vector{event::broken});
  }
}

TEST(zmtp, what_is_no_peer) {
  const auto with = [](std::size_t at, char c) {
    std::string changed = greeting;
    changed[at] = c;
    return changed + router_ready;
  };
  for (const std::string& bytes :
       {std::string(64, 'x'), with(0, 'x'), with(9, '\x7e'), with(10, '\x02'), with(12, 'C'),
        with(16, 'X'), greeting + frame("early", false),
        greeting + "\x04\x06\x05"
                   "ERROR"s,
        greeting + "\x04\x07\x05READY\x0b"s, greeting + "\x04\x06\x05READY"s,
        greeting + "\x04\x0c\x05READY\x01X\0\0\0\x09"s, greeting + "\x06\0\0\0\0\0\0\x20\0"s,
        greeting + router_ready + "\x05\x01x"s, greeting + router_ready + "\x08\x01x"s,
        greeting + router_ready + "\x06\0\0\0\0\0\0\x20\0"s}) {
    const auto got = read_all(bytes, 5);
    ASSERT_FALSE(got.events.empty());
    EXPECT_EQ(got.events.back(), event::broken);
    EXPECT_TRUE(got.messages.empty());
  }
}

TEST(zmtp, what_is_broken_stays_so_and_says_why) {
  zmtp_reader reader(zmtp_role::dealer, {});
  const std::string http = "HTTP/1.1 400 Bad Request\r\n" + std::string(100, ' ');
  std::string_view input = http;
  EXPECT_EQ(reader.read(input), event::broken);
  EXPECT_FALSE(reader.problem().empty());
  input = greeting;
  EXPECT_EQ(reader.read(input), event::broken);
}

TEST(zmtp, random_messages_cut_at_random_come_back) {
  std::mt19937 random(7);
  const auto number = [&](int most) { return std::uniform_int_distribution(0, most)(random); };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::vector<std::string>> sent(static_cast<std::size_t>(1 + number(5)));
    std::string bytes = greeting + router_ready;
    for (auto& message : sent) {
      message.resize(static_cast<std::size_t>(1 + number(9)));
      for (std::size_t i = 0; i < message.size(); ++i) {
        const int size = number(20) == 0 ? number(150'000) : number(400);
        message[i] = std::string(static_cast<std::size_t>(size), static_cast<char>(number(255)));
        bytes += frame(message[i], i + 1 < message.size());
      }
    }
    EXPECT_EQ(read_all(bytes, static_cast<std::size_t>(1 + number(70'000))).messages, sent);
  }
}

}  // namespace
}  // namespace kmux
