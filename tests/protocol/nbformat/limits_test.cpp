// What is beyond the limits is left out, and said to be.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "folding.hpp"

namespace kmux {
namespace {

TEST(output_limits, more_outputs_are_left_out) {
  const output_limits two{1000, 2};
  const std::string both = "[" + shown_display("1") + "," + shown_stream("a");
  EXPECT_EQ(fold({display("1"), stream("a")}, two).json(), both + "]");
  EXPECT_EQ(fold({display("1"), stream("a"), display("2")}, two).json(),
            both + "," + left_out + "]");
  // Also what would fit: the list ends where something is missing.
  EXPECT_EQ(fold({display("1"), stream("a"), display("2"), stream("b")}, two).json(),
            both + "," + left_out + "]");
  EXPECT_EQ(fold({stream("a")}, {0, 0}).json(), "[" + left_out + "]");
}

TEST(output_limits, more_text_is_left_out_from_the_code_point_that_does_not_fit) {
  const output_limits bytes{std::string_view("stdout").size() + 4, 10};
  EXPECT_EQ(fold({stream("abc"), stream("d")}, bytes).json(), "[" + shown_stream("abcd") + "]");
  EXPECT_EQ(fold({stream("abc"), stream("de")}, bytes).json(),
            "[" + shown_stream("abcd") + "," + left_out + "]");
  EXPECT_EQ(fold({stream("abcé"), stream("\rx")}, bytes).json(),
            "[" + shown_stream("abc") + "," + left_out + "]");
  // What is overwritten counts no more.
  EXPECT_EQ(fold({stream("abcd\rxyzw\b\b"), stream("12")}, bytes).json(),
            "[" + shown_stream("xy12") + "]");
}

TEST(output_limits, clearing_makes_room) {
  const output_limits small{100, 1};
  for (const bool wait : {false, true}) {
    const std::vector<message> said = {display("1"), display("2"), clear(wait), display("3")};
    EXPECT_EQ(fold(said, small).json(), "[" + shown_display("3") + "]");
  }
  cell_outputs cell("cell", small);
  for (int i = 0; i < 1000; ++i)
    add(cell, {display("a"), stream("b"), clear(false)});
  add(cell, {display("c")});
  EXPECT_EQ(cell.json(), "[" + shown_display("c") + "]");
}

TEST(output_limits, an_update_counts_for_each_display_that_it_changes) {
  const std::string update = "update_display_data";
  const output_limits limits{200, 10};
  cell_outputs cell = fold({display("1", "i"), display("1", "i")}, limits);
  const std::string text(20, 'x'), large(200, 'x');
  add(cell, {display(text, "i", update)});
  EXPECT_EQ(cell.json(), "[" + shown_display(text) + "," + shown_display(text) + "]");
  add(cell, {display(large, "i", update)});
  const std::string full = cell.json();
  EXPECT_EQ(full, "[" + shown_display(text) + "," + shown_display(text) + "," + left_out + "]");
  // One that fits is taken even so: what is shown is up to date where it can be.
  add(cell, {display("2", "i", update), stream("a")});
  EXPECT_EQ(cell.json(),
            "[" + shown_display("2") + "," + shown_display("2") + "," + left_out + "]");
  add(cell, {clear(false), display(std::string(80, 'y'), "i")});
  EXPECT_EQ(cell.json(), "[" + shown_display(std::string(80, 'y')) + "]");
}

TEST(output_limits, much_is_kept_without_limits_said) {
  cell_outputs cell("cell");
  for (int i = 0; i < 5000; ++i)
    add(cell, {display("x"), stream(std::string(10'000, 'y'))});
  EXPECT_EQ(cell.json().find("left out"), std::string::npos);
  for (int i = 0; i < 5000; ++i)
    add(cell, {display("x"), stream(std::string(10'000, 'y'))});
  EXPECT_TRUE(cell.json().ends_with(left_out + "]"));
  EXPECT_LT(cell.json().size(), std::size_t{65} << 20);
}

}  // namespace
}  // namespace kmux
