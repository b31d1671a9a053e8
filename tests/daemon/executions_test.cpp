#include "daemon/journal/executions.hpp"

#include <gtest/gtest.h>

#include "daemon/journal/message_lines.hpp"

namespace kmux::daemon {
namespace {

using journal::kind;

/// A record of a message of that type, about request `parent`.
struct said : journal::record {
  said(std::uint64_t n, kind k, std::string_view type, std::string_view parent,
       std::string_view content_text, std::string_view metadata = "{}") {
    number = n;
    time = static_cast<std::int64_t>(1'700'000'000'000'000 + n);
    what = k;
    header_text = R"({"msg_id": "m)" + std::to_string(n) + R"(", "msg_type": ")" +
                  std::string(type) + R"(", "session": "kernel", "username": "kernel"})";
    parent_text = parent.empty() ? "{}"
                                 : R"({"msg_id": ")" + std::string(parent) +
                                       R"(", "msg_type": "execute_request", "session": "s"})";
    frames = {header_text, parent_text, metadata, content_text};
  }
  said(const said&) = delete;
  said& operator=(const said&) = delete;
  std::string header_text, parent_text;
};

TEST(executions, of_a_cell_from_request_to_reply) {
  executions all;
  const std::string asked =
      R"({"msg_id": "a", "msg_type": "execute_request", "session": "s", "username": "me"})";
  journal::record request;
  request.what = kind::request;
  request.time = 1'700'000'000'000'000;
  request.frames = {asked, "{}", R"({"cellId": "c1"})", R"({"code": "1+1"})"};
  all.add(request);
  const execution* it = all.find("a");
  ASSERT_NE(it, nullptr);
  EXPECT_EQ(it->status, "queued");
  EXPECT_EQ(it->cell_id, "c1");
  EXPECT_EQ(it->code, "1+1");
  all.add(said(1, kind::iopub, "status", "a", R"({"execution_state": "busy"})"));
  EXPECT_EQ(it->status, "running");
  all.add(said(2, kind::iopub, "execute_input", "a", R"({"execution_count": 7})"));
  all.add(said(3, kind::shell, "execute_reply", "a", R"({"status": "ok", "execution_count": 7})"));
  all.add(said(4, kind::iopub, "status", "a", R"({"execution_state": "idle"})"));
  EXPECT_EQ(all.json("owner"),
            R"([{"msg_id": "a", "session": "s", "username": "me", "owner": "owner", )"
            R"("cellId": "c1", "submitted": "2023-11-14T22:13:20.000000Z", )"
            R"("started": "2023-11-14T22:13:20.000001Z", "ended": "2023-11-14T22:13:20.000003Z", )"
            R"("status": "ok", "execution_count": 7, "code": "1+1"}])");
}

TEST(executions, that_had_no_time_to_end) {
  executions all;
  all.add(said(1, kind::iopub, "status", "a", R"({"execution_state": "busy"})"));
  all.add(said(2, kind::reply, "execute_reply", "b", R"({"status": "aborted"})"));
  all.add(said(3, kind::iopub, "status", "", R"({"execution_state": "starting"})"));
  EXPECT_EQ(all.find("a")->status, "died");
  EXPECT_EQ(all.find("b")->status, "aborted");
  all.add(said(4, kind::iopub, "status", "c", R"({"execution_state": "busy"})"));
  all.process_ended();
  EXPECT_EQ(all.find("c")->status, "died");
}

TEST(executions, are_bounded_and_take_nonsense) {
  executions all;
  for (std::size_t i = 0; i <= executions::most; ++i) {
    all.add(
        said(1, kind::iopub, "status", "m" + std::to_string(i), R"({"execution_state": "busy"})"));
  }
  EXPECT_EQ(all.find("m0"), nullptr);
  EXPECT_NE(all.find("m1"), nullptr);
  journal::record broken;
  broken.frames = {"{", "", "[]"};
  all.add(broken);
  broken.frames = {"{", "", "[]", "17"};
  all.add(broken);
  all.add(said(1, kind::shell, "execute_reply", "m1", "[]"));
  EXPECT_EQ(all.find("m1")->status, "running");
}

TEST(message_lines, have_what_was_asked_for) {
  const said stream(5, kind::iopub, "stream", "a", "{\"text\":\n\"x\"}");
  EXPECT_EQ(message_lines({}).line(stream),
            R"({"seq": 5, "time": "2023-11-14T22:13:20.000005Z", "channel": "iopub", "header": )" +
                stream.header_text + R"(, "parent_header": )" + stream.parent_text +
                R"(, "metadata": {}, "content": {"text": "x"}, "buffers": []})" + "\n");
  const auto wanted = [&](message_filter f) {
    return !message_lines(std::move(f)).line(stream).empty();
  };
  EXPECT_TRUE(wanted({4, "a", "stream", "iopub"}));
  EXPECT_FALSE(wanted({5, "", "", ""}));
  EXPECT_FALSE(wanted({0, "b", "", ""}));
  EXPECT_FALSE(wanted({0, "", "status", ""}));
  EXPECT_FALSE(wanted({0, "", "", "shell"}));
  const said note(5, kind::reply, "execute_reply", "a", "{}");
  EXPECT_EQ(message_lines({}).line(note), "") << "not of the numbered";
}

TEST(message_lines, say_so_where_a_message_is_none) {
  const said broken(5, kind::iopub, "stream", "a", "{\"text\": \"\xff\"}");
  EXPECT_EQ(message_lines({}).line(broken),
            R"({"seq": 5, "time": "2023-11-14T22:13:20.000005Z", "channel": "iopub", )"
            R"("error": "This message is not JSON in UTF-8."})"
            "\n");
}

}  // namespace
}  // namespace kmux::daemon
