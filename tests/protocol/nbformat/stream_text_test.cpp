// Carriage returns and backspaces, cut anywhere, to a limit, and many of them.
#include "protocol/nbformat/stream_text.hpp"

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/json.hpp"

namespace kmux {
namespace {

constexpr std::size_t no_limit = std::size_t{1} << 40;

std::string folded(const std::vector<std::string>& pieces, std::size_t most = no_limit) {
  stream_text text;
  for (const auto& piece : pieces) {
    if (!text.append(piece, most)) break;
    EXPECT_EQ(text.size(), text.str().size());
  }
  EXPECT_LE(text.size(), most);
  return text.str();
}

/// `text` cut between code points.
std::vector<std::string> cut(const std::string& text, std::mt19937& random, unsigned mean) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    if (begins && random() % mean == 0) out.emplace_back();
    out.back() += c;
  }
  return out;
}

std::string random_text(std::mt19937& random, int length) {
  static const std::string units[] = {"\n", "\r",   "\r", "\b", "\b\b", "\r\n",     "a",
                                      "b",  "cdef", "é",  "€",  "😀",   "\x1b[31m", "\x1b[0m"};
  std::string out;
  for (int i = 0; i < length; ++i)
    out += units[random() % std::size(units)];
  return out;
}

TEST(stream_text, controls_do_as_in_jupyterlab) {
  // The right side is what processText of @jupyterlab/outputarea 4.6.6 says.
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"abc", "abc"},
      {"a\nb\n", "a\nb\n"},
      {"abc\rx", "xbc"},
      {"abc\r", "abc"},
      {"abc\rxyzw", "xyzw"},
      {"abc\r\ndef", "abc\ndef"},
      {"abc\r\r\r\ndef", "abc\ndef"},
      {"abc\rx\ndef", "xbc\ndef"},
      {"a\nbcd\rx\n", "a\nxcd\n"},
      {"\r\r\b\n", "\n"},
      {"abc\b", "ab"},
      {"abc\b\b\b\b\bd", "d"},
      {"a\n\b\bb", "a\nb"},
      {"abcd\rxy\b", "xd"},
      {"abcd\rxyzw\bv", "xyzv"},
      {"50%\b\b\b60%\b\b\b70%", "70%"},
      {"\x1b[32m 10%\x1b[0m\r\x1b[32m 20%\x1b[0m", "\x1b[32m 20%\x1b[0m"},
      {"\x1b[31mred\x1b[0m\rX", "X[31mred\x1b[0m"},
      {"\x1b[2K\x1b[1A", "\x1b[2K\x1b[1A"},
      {"a\tb\x07\x0b\x0c", "a\tb\x07\x0b\x0c"}};
  for (const auto& [said, shown] : cases)
    EXPECT_EQ(folded({said}), shown) << json_quote(said);
}

TEST(stream_text, a_code_point_stays_whole) {
  const std::pair<const char*, const char*> cases[] = {
      {"é\b", ""},        {"a😀\b", "a"},    {"😀😀\ra", "a😀"},     {"ab\r😀", "😀b"},
      {"a€c\rxy", "xyc"}, {"abc\ré\b", "c"}, {"€€€\rab\n", "ab€\n"}, {"█░░\r██░", "██░"},
      {"é\r\n€", "é\n€"}};
  for (const auto& [said, shown] : cases)
    EXPECT_EQ(folded({said}), shown) << said;
}

TEST(stream_text, wherever_it_is_cut_it_folds_to_the_same) {
  std::mt19937 random(4);  // NOLINT(cert-msc32-c,cert-msc51-cpp)
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random, 60);
    const std::size_t most = round % 2 == 0 ? no_limit : random() % 60;
    const std::string whole = folded({text}, most);
    ASSERT_TRUE(is_utf8(whole));
    for (const unsigned mean : {1, 3, 20})
      ASSERT_EQ(folded(cut(text, random, mean), most), whole) << json_quote(text);
  }
}

TEST(stream_text, what_does_not_fit_is_left_out) {
  stream_text text;
  EXPECT_TRUE(text.append("abc", 4));
  EXPECT_FALSE(text.append("de", 4));
  EXPECT_EQ(text.str(), "abcd");
  EXPECT_TRUE(text.append("\rwxyz", 4));
  EXPECT_FALSE(text.append("\n", 4));
  EXPECT_TRUE(text.append("\b", 4));
  EXPECT_FALSE(text.append("é", 4));
  EXPECT_EQ(text.str(), "wxy");
  EXPECT_FALSE(text.append("\ré", 3)) << "an é takes more than the w";
  EXPECT_EQ(text.str(), "wxy");
}

/// Within some seconds, on a slow machine and with sanitizers; it would be hours otherwise.
void expect_quick(std::chrono::steady_clock::time_point begun) {
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::minutes(5));
}

TEST(stream_text, the_length_of_a_line_does_not_slow_it_down) {
  const auto begun = std::chrono::steady_clock::now();
  const std::string line(8 << 20, 'x');
  std::string much;
  for (int i = 0; i < 1'000'000; ++i)
    much += "\ré\b\rü";
  stream_text text;
  EXPECT_TRUE(text.append(line, no_limit));
  EXPECT_TRUE(text.append(much, no_limit));
  EXPECT_LT(text.size(), line.size());
  expect_quick(begun);
}

}  // namespace
}  // namespace kmux
