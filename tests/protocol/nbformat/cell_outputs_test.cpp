// Sequences of messages and the outputs that they fold to.
#include "protocol/nbformat/cell_outputs.hpp"

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "folding.hpp"

namespace kmux {
namespace {

struct folding {
  std::vector<message> said;
  std::string shown;
};

void expect(const std::vector<folding>& table) {
  for (const auto& [said, shown] : table)
    EXPECT_EQ(fold(said).json(), "[" + shown + "]");
}

/// A display's or result's content.
message data(const std::string& type, const std::string& members) {
  return {type, "{" + members + "}"};
}

TEST(cell_outputs, streams_are_joined_with_the_one_before) {
  expect({{{}, ""},
          {{stream("a"), stream("b\n"), stream("c")}, shown_stream("ab\nc")},
          {{stream("")}, shown_stream("")},
          {{stream("a"), stream("b", "stderr"), stream("c")},
           shown_stream("a") + "," + shown_stream("b", "stderr") + "," + shown_stream("c")},
          {{stream("a"), display("x"), stream("b")},
           shown_stream("a") + "," + shown_display("x") + "," + shown_stream("b")},
          {{stream("10%\r"), stream("2"), stream("\n")}, shown_stream("20%\n")},
          {{stream("a\r"), display("x"), stream("b")},
           shown_stream("a") + "," + shown_display("x") + "," + shown_stream("b")},
          {{stream("\"\\\x01\x1b[0m é")}, shown_stream("\"\\\x01\x1b[0m é")}});
}

TEST(cell_outputs, displays_results_and_errors_have_what_nbformat_wants) {
  const std::string bundle = R"("data":{"text/plain":"x"},"metadata":{"image/png":{"width":1.1}})";
  expect({
      {{data("display_data", bundle)}, R"({"output_type":"display_data",)" + bundle + "}"},
      {{data("display_data", bundle + R"(,"transient":{"display_id":"i"},"more":1)")},
       R"({"output_type":"display_data",)" + bundle + "}"},
      {{data("display_data", R"("data":{})")},
       R"({"output_type":"display_data","data":{},"metadata":{}})"},
      {{data("execute_result", bundle + R"(,"execution_count":7)")},
       R"({"output_type":"execute_result","execution_count":7,)" + bundle + "}"},
      {{data("execute_result", bundle)},
       R"({"output_type":"execute_result","execution_count":null,)" + bundle + "}"},
      {{data("error", R"("ename":"E","evalue":"é","traceback":["\u001b[0m1","2"],"more":1)")},
       R"({"output_type":"error","ename":"E","evalue":"é","traceback":["\u001b[0m1","2"]})"},
      {{data("error", R"("ename":"","evalue":"","traceback":[])")},
       R"({"output_type":"error","ename":"","evalue":"","traceback":[]})"},
  });
}

TEST(cell_outputs, data_is_text_or_of_a_type_that_is_json) {
  const auto shown = [](const std::string& data) {
    return R"({"output_type":"display_data","data":{)" + data + R"(},"metadata":{}})";
  };
  const std::string lines = R"("text/html":["a\n","b"])";
  const std::string any =
      R"("application/json":null,"application/vnd.a+json":[1,0.1,1e-300,{"b":true}])";
  const std::string not_text =
      R"("text/plain":5,"image/png":null,"image/a+json":{},"application/xjson":[1])";
  expect({{{data("display_data", R"("data":{)" + any + "}")}, shown(any)},
          {{data("display_data", R"("data":{)" + not_text + "," + lines + "}")},
           shown(R"("text/html":"a\nb")")}});
}

TEST(cell_outputs, an_update_changes_every_display_with_its_id) {
  const auto update = [](const std::string& text, const std::string& id,
                         const std::string& parent = "cell") {
    return display(text, id, "update_display_data", parent);
  };
  const auto twice = [](const std::string& text) {
    return shown_display(text) + "," + shown_display(text);
  };
  expect(
      {{{display("1", "i"), update("2", "i")}, shown_display("2")},
       {{display("1", "i"), update("2", "j"), update("3", "")}, shown_display("1")},
       {{update("2", "i"), display("1", "i")}, shown_display("1")},
       {{display("1", "i"), update("2", "i", "another")}, shown_display("2")},
       {{display("1", "i"), display("2", "i")}, twice("2")},
       {{display("1", "i"), display("2", "i"), update("3", "i")}, twice("3")},
       {{display("1", "i"), display("2", "i", "display_data", "another")}, shown_display("2")},
       {{display("1", "i", "display_data", "another"), update("2", "i")}, ""},
       {{display("1", "i"), clear(false), update("2", "i"), display("3", "i")}, shown_display("3")},
       {{display("1", "i"), clear(true), update("2", "i")}, shown_display("2")},
       {{stream("a"), display("1", "i"), stream("b"), update("2", "i"), stream("c")},
        shown_stream("a") + "," + shown_display("2") + "," + shown_stream("bc")},
       {{display("1", "i", "execute_result"), update("2", "i")},
        R"({"output_type":"execute_result","execution_count":null,)"
        R"("data":{"text/plain":"2"},"metadata":{}})"}});
}

TEST(cell_outputs, clear_output_clears_now_or_before_the_next) {
  const message empty{"clear_output", "{}"};
  expect({{{stream("a"), clear(false)}, ""},
          {{stream("a"), empty, stream("b")}, shown_stream("b")},
          {{stream("a"), clear(true)}, shown_stream("a")},
          {{stream("a"), clear(true), stream("b"), stream("c")}, shown_stream("bc")},
          {{stream("a"), clear(true), clear(true), display("x"), stream("b")},
           shown_display("x") + "," + shown_stream("b")},
          {{clear(true), clear(false), stream("a"), stream("b")}, shown_stream("ab")},
          {{stream("abc\r"), clear(true), stream("d")}, shown_stream("d")},
          {{stream("a"), clear(false, "another"), clear(true, "another"), stream("b")},
           shown_stream("ab")}});
}

TEST(cell_outputs, what_others_say_is_not_shown) {
  const std::string bundle = R"({"data":{"text/plain":"x"},"metadata":{}})";
  expect(
      {{{stream("a"), stream("b", "stdout", "another"), stream("c", "stdout", "")},
        shown_stream("a")},
       {{{"display_data", bundle, "another"}, {"execute_input", bundle}, {"status", bundle}}, ""}});
}

TEST(cell_outputs, what_is_malformed_is_skipped) {
  const std::string deep = R"({"data":{"application/json":)" + std::string(300, '[') +
                           std::string(300, ']') + R"(},"metadata":{}})";
  const std::pair<const char*, std::vector<std::string>> table[] = {
      {"stream",
       {"", "{", "[]", "5", "null", "{}", R"({"name":"stdout"})", R"({"text":"a"})",
        R"({"name":null,"text":"a"})", R"({"name":1,"text":"a"})", R"({"name":"a","text":["a"]})",
        R"({"name":"a","text":"b"} {})", "{\"name\":\"a\",\"text\":\"b\""}},
      {"display_data",
       {"{}", "[]", R"({"data":[]})", R"({"data":"a","metadata":{}})", R"({"data":null})",
        R"({"data":{},"metadata":[]})", R"({"data":{"application/json":NaN}})", deep}},
      {"update_display_data", {"{}", R"({"data":{},"transient":{"display_id":"i"},"metadata":1})"}},
      {"execute_result",
       {"{}", R"({"data":{},"metadata":{},"execution_count":"1"})",
        R"({"data":{},"metadata":{},"execution_count":-1})",
        R"({"data":{},"metadata":{},"execution_count":1.5})"}},
      {"error",
       {"{}", R"({"ename":"a","evalue":"b"})", R"({"ename":"a","traceback":[]})",
        R"({"ename":"a","evalue":"b","traceback":"c"})",
        R"({"ename":"a","evalue":"b","traceback":["c",1]})",
        R"({"ename":1,"evalue":"b","traceback":[]})"}},
      {"clear_output", {"", "[]", R"({"wait":1})", R"({"wait":"true"})"}},
      {"comm_open", {"", "{}"}},
      {"comm_msg", {"", "{}"}},
      {"comm_close", {"", "{}"}},
      {"", {"", "{}"}}};
  const std::string before = "[" + shown_stream("a") + "," + shown_display("1") + "]";
  for (const auto& [type, contents] : table) {
    for (const auto& content : contents)
      EXPECT_EQ(fold({stream("a"), display("1", "i"), {type, content}}).json(), before) << content;
  }
  // An id that is none does not take the display with it.
  for (const auto* const transient :
       {"5", "[]", "null", R"({"display_id":5})", R"({"display_id":null})"}) {
    const auto content =
        std::string(R"({"data":{"text/plain":"1"},"transient":)") + transient + "}";
    EXPECT_EQ(fold({{"display_data", content}}).json(), "[" + shown_display("1") + "]");
  }
}

TEST(cell_outputs, bytes_that_are_not_utf8_are_replaced) {
  const std::string mark = "\xef\xbf\xbd";
  expect({{{{"stream", "{\"name\":\"stdout\",\"text\":\"a\xff\"}"}}, shown_stream("a" + mark)},
          {{{"stream", R"({"name":"stdout","text":"a\udc80b\b"})"}},
           shown_stream("a" + mark + mark + mark)},
          {{{"display_data", R"({"data":{"text/plain":"\udc80"}})"}},
           shown_display(mark + mark + mark)}});
  const message json{"display_data", R"({"data":{"application/json":{"\udc80":"\udc80"}}})"};
  EXPECT_TRUE(is_utf8(fold({json}).json()));
}

TEST(cell_outputs, wherever_text_is_cut_it_folds_to_the_same) {
  static const std::string units[] = {"\n", "\r", "\b", "\r\n", "a", "bcd", "é", "😀", "\x1b[1m"};
  std::mt19937 random(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp)
  for (int round = 0; round < 300; ++round) {
    const output_limits limits{round % 2 == 0 ? 1000 : random() % 40, 10};
    std::vector<std::string> pieces(1);
    std::string whole;
    for (int i = 0; i < 50; ++i) {
      const auto& unit = units[random() % std::size(units)];
      if (random() % 4 == 0) pieces.emplace_back();
      pieces.back() += unit;
      whole += unit;
    }
    std::vector<message> messages;
    for (const auto& piece : pieces)
      messages.push_back(stream(piece));
    ASSERT_EQ(fold(messages, limits).json(), fold({stream(whole)}, limits).json());
  }
}

TEST(cell_outputs, a_million_updates_of_a_line_fold_to_one) {
  const auto begun = std::chrono::steady_clock::now();
  cell_outputs cell("cell");
  const std::string bar = "\r\x1b[32m █████     \x1b[0m step ";
  const std::string front = R"({"name":"stderr","text":)" + json_quote(bar);
  for (int i = 1; i <= 1'000'000; ++i) {
    const auto content = front.substr(0, front.size() - 1) + std::to_string(i) + "\"}";
    cell.add({"stream", "cell", content});
  }
  EXPECT_EQ(cell.json(), "[" + shown_stream(bar.substr(1) + "1000000", "stderr") + "]");
  // A quarter of a minute under sanitizers, and more on a busy machine; hours where it is
  // quadratic.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::minutes(5));
}

}  // namespace
}  // namespace kmux
