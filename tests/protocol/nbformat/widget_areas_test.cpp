// Output widgets: what they capture, what replaces it, and what is wrong about them.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "folding.hpp"

namespace kmux {
namespace {

/// A comm_open of an output widget.
message open(const std::string& id, const std::string& more = "") {
  return {"comm_open", R"({"comm_id":")" + id +
                           R"(","target_name":"jupyter.widget","data":{"state":{)"
                           R"("_model_name":"OutputModel")" +
                           more + R"(},"buffer_paths":[]}})"};
}

/// A comm_msg of it, by the kernel.
message update(const std::string& id, const std::string& state,
               const std::string& method = "update") {
  return {"comm_msg", R"({"comm_id":")" + id + R"(","data":{"method":")" + method +
                          R"(","state":{)" + state + R"(},"buffer_paths":[]}})"};
}

message capture(const std::string& id, const std::string& parent) {
  return update(id, R"("msg_id":")" + parent + '"');
}

message close(const std::string& id) {
  return {"comm_close", R"({"comm_id":")" + id + R"("})"};
}

struct folding {
  std::vector<message> said;
  std::string own, areas;
};

void expect(const std::vector<folding>& table) {
  for (const auto& [said, own, areas] : table) {
    const auto cell = fold(said);
    EXPECT_EQ(cell.json(), "[" + own + "]");
    EXPECT_EQ(cell.widget_areas_json(), "{" + areas + "}");
  }
}

std::string area(const std::string& id, const std::string& shown) {
  return '"' + id + R"(":[)" + shown + "]";
}

TEST(widget_areas, what_is_captured_does_not_show_in_the_cell) {
  const message error{"error", R"({"ename":"E","evalue":"","traceback":[]})"};
  const std::string shown_error =
      R"({"output_type":"error","ename":"E","evalue":"","traceback":[]})";
  expect({{{open("w"), stream("a")}, shown_stream("a"), ""},
          {{open("w"), stream("a"), capture("w", "cell"), stream("b"), display("x"), error,
            capture("w", ""), stream("c")},
           shown_stream("ac"),
           area("w", shown_stream("b") + "," + shown_display("x") + "," + shown_error)},
          {{open("w"), capture("w", "another"), stream("a")}, shown_stream("a"), ""},
          {{open("w", R"(,"msg_id":"cell")"), stream("a")}, "", area("w", shown_stream("a"))},
          // A widget may capture twice, and fold on.
          {{open("w"), capture("w", "cell"), stream("a"), capture("w", ""), stream("b"),
            capture("w", "cell"), stream("c")},
           shown_stream("b"),
           area("w", shown_stream("ac"))}});
}

TEST(widget_areas, an_area_folds_by_the_same_rules) {
  const std::vector<message> begin = {open("w"), stream("own"), capture("w", "cell")};
  const auto then = [&](std::vector<message> more) {
    more.insert(more.begin(), begin.begin(), begin.end());
    return more;
  };
  const std::string own = shown_stream("own");
  expect({{then({stream("ab\r"), stream("c")}), own, area("w", shown_stream("cb"))},
          {then({stream("a"), clear(false)}), own, area("w", "")},
          {then({stream("a"), clear(true)}), own, area("w", shown_stream("a"))},
          {then({stream("a"), clear(true), stream("b")}), own, area("w", shown_stream("b"))},
          {then({display("1", "i"), display("2", "i", "update_display_data", "another")}), own,
           area("w", shown_display("2"))},
          // A display in the cell and in the area.
          {{display("1", "i"), open("w"), capture("w", "cell"), display("2", "i")},
           shown_display("2"),
           area("w", shown_display("2"))}});
}

TEST(widget_areas, the_one_that_began_last_captures) {
  expect({{{open("v"), open("w"), capture("w", "cell"), stream("1"), capture("v", "cell"),
            stream("2"), capture("w", "cell"), stream("3"), capture("v", ""), stream("4"),
            capture("w", ""), stream("5")},
           shown_stream("5"),
           area("v", shown_stream("23")) + "," + area("w", shown_stream("14"))}});
}

TEST(widget_areas, an_area_shows_what_other_cells_gave_it) {
  const auto other = [](const std::string& text) { return stream(text, "stdout", "another"); };
  expect({{{open("w"), capture("w", "another"), other("a")}, "", ""},
          {{open("w"), capture("w", "another"), other("a"), capture("w", "cell"), stream("b"),
            capture("w", "third"), clear(true, "third"), stream("c", "stdout", "third")},
           "",
           area("w", shown_stream("c"))},
          {{open("w"), capture("w", "another"), other("a"), capture("w", "cell"), stream("b")},
           "",
           area("w", shown_stream("ab"))}});
}

TEST(widget_areas, the_kernel_may_replace_what_is_shown) {
  const std::vector<message> begin = {open("w"), capture("w", "cell"), stream("a")};
  const auto then = [&](std::vector<message> more) {
    more.insert(more.begin(), begin.begin(), begin.end());
    return more;
  };
  const std::string x =
      R"({"output_type":"display_data","data":{"text/plain":["x","y"]},"metadata":{}})";
  const std::string text = R"({"output_type":"stream","name":"stdout","text":["b\n","c"]})";
  const auto outputs = [](const std::string& some) { return R"("outputs":[)" + some + "]"; };
  const std::string shown_x = shown_display("xy");
  expect({{then({update("w", outputs(""))}), "", area("w", "")},
          {then({update("w", outputs(x + "," + text))}), "",
           area("w", shown_x + "," + shown_stream("b\nc"))},
          {then({update("w", outputs(text)), stream("d")}), "", area("w", shown_stream("b\ncd"))},
          {then({clear(true), update("w", outputs(x)), stream("d")}), "",
           area("w", shown_stream("d"))},
          {then({update("w", outputs(x), "echo_update")}), "", area("w", shown_stream("a"))},
          {then({update("w", outputs(x) + R"(,"msg_id":"")"), stream("d")}), shown_stream("d"),
           area("w", shown_x)},
          // Of its elements too, those that are malformed are skipped.
          {then({update("w", outputs(R"(5,{},{"output_type":"stream","name":"a","text":[1]},)"
                                     R"({"output_type":"error"},{"output_type":"x"},)" +
                                     x))}),
           "", area("w", shown_x)}});
}

TEST(widget_areas, a_closed_widget_shows_and_captures_nothing) {
  expect({{{open("w"), capture("w", "cell"), stream("a"), close("w"), stream("b")},
           shown_stream("b"),
           ""},
          {{open("w"), capture("w", "cell"), stream("a"), open("w"), stream("b"), close("v")},
           shown_stream("b"),
           ""}});
}

TEST(widget_areas, other_comms_and_malformed_ones_are_skipped) {
  const std::vector<std::string> opened = {
      "",
      "[]",
      "{}",
      R"({"comm_id":"w","target_name":"other","data":{"state":{"_model_name":"OutputModel"}}})",
      R"({"comm_id":"w","target_name":"jupyter.widget","data":{"state":{"_model_name":"Int"}}})",
      R"({"comm_id":"w","target_name":"jupyter.widget","data":{"state":[]}})",
      R"({"comm_id":"w","target_name":"jupyter.widget","data":[]})",
      R"({"comm_id":5,"target_name":"jupyter.widget","data":{"state":{"_model_name":"OutputModel"}}})"};
  for (const auto& content : opened) {
    const auto cell = fold({{"comm_open", content}, capture("w", "cell"), stream("a")});
    EXPECT_EQ(cell.json(), "[" + shown_stream("a") + "]") << content;
  }
  const std::vector<message> changes = {
      update("v", R"("outputs":[])"),
      update("w", R"("outputs":5)"),
      update("w", R"("msg_id":5)"),
      update("w", R"("msg_id":null)"),
      update("w", R"("value":1)"),
      {"comm_msg", "[]"},
      {"comm_msg", R"({"comm_id":"w","data":{"method":"custom","content":{}}})"},
      {"comm_msg", R"({"comm_id":"w","data":{"method":5,"state":{"outputs":[]}}})"},
      {"comm_msg", R"({"comm_id":"w"})"},
      update("w", R"("msg_id":")" + std::string(2000, 'x') + '"'),
      {"comm_close", R"({"comm_id":["w"]})"}};
  for (const auto& change : changes) {
    const auto cell = fold({open("w"), capture("w", "cell"), stream("a"), change, stream("b")});
    EXPECT_EQ(cell.json(), "[]") << change.content;
    EXPECT_EQ(cell.widget_areas_json(), "{" + area("w", shown_stream("ab")) + "}")
        << change.content;
  }
}

TEST(widget_areas, areas_have_a_limit_of_their_own) {
  const output_limits limits{100, 2, 2};
  cell_outputs cell("cell", limits);
  for (int i = 0; i < 1000; ++i) {
    const std::string id = "w" + std::to_string(i);
    add(cell, {open(id), capture(id, "cell"), display(id)});
    if (i != 999) add(cell, {close(id)});
  }
  add(cell, {capture("w999", ""), open("a"), capture("a", "cell"), stream("1"), open("b"),
             capture("b", "cell"), display("2")});
  // There is no b, and a has taken what was left; w999 and the cell are as they were.
  EXPECT_EQ(cell.json(), "[]");
  EXPECT_EQ(cell.widget_areas_json(), "{" + area("a", shown_stream("1") + "," + left_out) + "," +
                                          area("w999", shown_display("w999")) + "}");
  add(cell, {close("w999"), clear(false), display("3"), capture("a", ""), display("4")});
  EXPECT_EQ(cell.json(), "[" + shown_display("4") + "]");
  EXPECT_EQ(cell.widget_areas_json(), "{" + area("a", shown_display("3")) + "}");
}

}  // namespace
}  // namespace kmux
