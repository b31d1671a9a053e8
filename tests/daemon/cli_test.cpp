// kmux's own HTTP and WebSocket client against servers that answer in every way, and what it shows.
#include <array>
#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cli/daemon_client.hpp"
#include "daemon/cli/export_notebook.hpp"
#include "daemon/cli/kernel_rows.hpp"
#include "daemon/cli/notebook_file.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/terminal.hpp"
#include "daemon/cli/ws_client.hpp"

namespace kmux::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Answers one connection at RUNTIME/admin.sock with these pieces, then ends it.
class server {
public:
  explicit server(std::vector<std::string> pieces) {
    std::string pattern = "/tmp/kmux-test-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    listening_ = unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory_ + "/admin.sock").copy(address.sun_path, sizeof address.sun_path);
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listening_.get(), 1), 0);
    thread_ = std::thread([this, pieces = std::move(pieces)] { serve(pieces); });
  }
  ~server() {
    thread_.join();
    std::filesystem::remove_all(directory_);
  }
  daemon_client client() const { return daemon_client(address_of_runtime(directory_)); }
  std::string heard;

private:
  void serve(const std::vector<std::string>& pieces) {
    const unique_fd one(::accept(listening_.get(), nullptr, nullptr));
    std::array<char, 4096> bytes{};
    while (heard.find("\r\n\r\n") == std::string::npos) {
      const auto n = ::read(one.get(), bytes.data(), bytes.size());
      if (n <= 0) return;
      heard.append(bytes.data(), static_cast<std::size_t>(n));
    }
    for (const auto& each : pieces)
      ::send(one.get(), each.data(), each.size(), MSG_NOSIGNAL);
    ::shutdown(one.get(), SHUT_WR);
    while (::read(one.get(), bytes.data(), bytes.size()) > 0) {
    }
  }

  std::string directory_;
  unique_fd listening_;
  std::thread thread_;
};

outcome<answer> ask(std::vector<std::string> pieces) {
  const server s(std::move(pieces));
  return s.client().ask("GET", "api", {}, 60s);
}

TEST(http, bodies_with_a_length_in_chunks_and_to_the_end) {
  for (const auto& pieces : std::vector<std::vector<std::string>>{
           {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more"},
           {"HTTP/1.1 200 OK\r\ncontent-LENGTH:5\r\n\r\nhel", "lo"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r",
            "\n3\r\nllo\r\n0\r\n\r\n"},
           {"HTTP/1.1 200 OK\r\n\r\nhel", "lo"}}) {
    const auto got = ask(pieces);
    ASSERT_TRUE(got.has_value()) << got.error().text;
    EXPECT_EQ(got->body, "hello");
    EXPECT_TRUE(got->ok());
  }
}

TEST(http, what_is_no_answer_is_a_failure) {
  for (const std::string bytes :
       {"", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 xx OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    EXPECT_FALSE(ask({bytes}).has_value()) << bytes;
  }
  EXPECT_FALSE(ask({"HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x')}).has_value());
}

TEST(http, an_error_says_what_its_json_says) {
  const auto got = ask({"HTTP/1.1 404 x\r\n\r\n{\"message\": \"not here\"}"});
  EXPECT_EQ(got->message(), "not here");
  EXPECT_THAT(ask({"HTTP/1.1 500 x\r\n\r\n<html>"})->message(), HasSubstr("500"));
}

TEST(http, a_socket_that_is_not_there_is_unreachable) {
  const auto none = daemon_client(address_of_runtime("/nowhere")).ask("GET", "api");
  EXPECT_EQ(none.error().code, exit_code::unreachable);
  const auto deep = address_of_runtime("/tmp/" + std::string(200, 'd'));
  EXPECT_EQ(daemon_client(deep).ask("GET", "api").error().code, exit_code::unreachable);
}

constexpr const char* switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

TEST(websocket, messages_in_pieces_pings_and_the_end) {
  server s({switching, "\x81\x02hi\x01\x03one", "\x89\x01p\x80\x03two\x82\x01",
            std::string("b\x88\x05\x11\x33why", 8)});
  const auto client = s.client();
  auto ws = ws_client::open(client, "x", clock::now() + 60s);
  ASSERT_TRUE(ws.has_value()) << ws.error().text;
  for (const auto& [payload, text] :
       {std::pair{"hi", true}, std::pair{"onetwo", true}, std::pair{"b", false}}) {
    const auto got = ws->receive(clock::now() + 60s);
    ASSERT_TRUE(got.has_value() && got->has_value());
    EXPECT_EQ((*got)->payload, payload);
    EXPECT_EQ((*got)->text, text);
  }
  EXPECT_FALSE(ws->receive(clock::now() + 60s).has_value());
  EXPECT_EQ(ws->close_code(), 0x1133);
  EXPECT_EQ(ws->close_reason(), "why");
}

TEST(websocket, what_is_no_frame_is_a_failure) {
  for (const std::string& bytes :
       {std::string("\x81\x82mask", 6), std::string("\x81\x7F\x7F\0\0\0\0\0\0\0", 10)}) {
    server s({switching, bytes});
    const auto client = s.client();
    auto ws = ws_client::open(client, "x", clock::now() + 60s);
    EXPECT_FALSE(ws->receive(clock::now() + 60s).has_value());
  }
}

TEST(websocket, a_refusal_says_why) {
  server s({"HTTP/1.1 404 x\r\n\r\n{\"message\": \"no kernel\"}"});
  const auto client = s.client();
  const auto ws = ws_client::open(client, "x", clock::now() + 60s);
  EXPECT_EQ(ws.error().code, exit_code::not_found);
  EXPECT_EQ(ws.error().text, "no kernel");
}

std::vector<kernel_row> rows() {
  kernel_row a, b;
  a.kernel.id = "aa11";
  a.kernel.owner = "ann";
  a.used = {1, 10, 5 << 20};
  b.kernel.id = "bb22";
  b.kernel.owner = "bob";
  b.used = {1, 2, 1 << 30};
  return {a, b};
}

std::string ids_of(const std::vector<kernel_row>& all) {
  std::string out;
  for (const auto& each : all)
    out += each.kernel.id + " ";
  return out;
}

TEST(rows, are_filtered) {
  for (const auto& [filter, left] :
       {std::pair{"owner=a*", "aa11 "}, std::pair{"owner!=ann", "bb22 "},
        std::pair{"mem>100MiB", "bb22 "}, std::pair{"cpu>5", "aa11 "},
        std::pair{"cpu<1m", "aa11 bb22 "}, std::pair{"id=bb*", "bb22 "}}) {
    auto all = rows();
    ASSERT_TRUE(filter_rows(all, {filter}).has_value()) << filter;
    EXPECT_EQ(ids_of(all), left) << filter;
  }
  for (const auto* const wrong : {"", "owner", "owner>x", "size=1", "owner!x", "cpu>much"}) {
    auto all = rows();
    EXPECT_EQ(filter_rows(all, {wrong}).error().code, exit_code::usage) << wrong;
  }
}

TEST(rows, are_sorted) {
  auto all = rows();
  ASSERT_TRUE(sort_rows(all, "cpu").has_value());
  EXPECT_EQ(ids_of(all), "bb22 aa11 ");
  ASSERT_TRUE(sort_rows(all, "-mem").has_value());
  EXPECT_EQ(ids_of(all), "bb22 aa11 ");
  ASSERT_TRUE(sort_rows(all, "owner").has_value());
  EXPECT_EQ(ids_of(all), "aa11 bb22 ");
  EXPECT_FALSE(sort_rows(all, "beauty").has_value());
}

TEST(text, steers_no_terminal) {
  EXPECT_EQ(harmless("a\x1b]0;title\x07z\x1b[2Jb\x1b[31mc\x1b[Kd\x7F\re\n"),
            "a]0;titlezbc\x1b[Kd\re\n");
  EXPECT_EQ(harmless("\x1b"), "");
  EXPECT_EQ(harmless("\x1b[12;"), "");
  EXPECT_EQ(without_controls("a\x1b[1mb\tc\xC2\x9B"
                             "d"),
            "a[1mb\tcd");
}

TEST(text, widths_are_those_of_code_points) {
  EXPECT_EQ(width_of("\x1b[31m\xC3\xA9t\xC3\xA9\x1b[0m"), 3U);
  EXPECT_EQ(cut_to("\x1b[1m\xC3\xA9t\xC3\xA9\x1b[0m", 2), "\x1b[1m\xC3\xA9t\x1b[0m");
  EXPECT_EQ(as_table({{"a", "b"}, {"\xC3\xA9\xC3\xA9\xC3\xA9", "c\nd"}}),
            "a    b\n\xC3\xA9\xC3\xA9\xC3\xA9  c d\n");
}

TEST(notebook, keeps_what_it_does_not_change) {
  std::string file = "/tmp/kmux-test-XXXXXX";
  ::close(::mkstemp(file.data()));
  std::ofstream(file) << R"({"cells": [{"cell_type": "markdown", "source": ["# x"]},
    {"cell_type": "code", "source": ["a\n", "b"], "metadata": {"deep": [1.5, null]}}], "nbformat": 4})";
  auto book = notebook_file::read(file);
  ASSERT_TRUE(book.has_value()) << book.error().text;
  EXPECT_EQ(book->sources(), std::vector<std::string>{"a\nb"});
  book->set_outputs(0, R"([{"output_type": "stream", "name": "stdout", "text": "x"}])", 3);
  ASSERT_TRUE(book->write(file).has_value());
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr("\n   \"execution_count\": 3"));
  EXPECT_THAT(text, HasSubstr("\"deep\": [\n"));
  EXPECT_THAT(text, HasSubstr("\"output_type\": \"stream\""));
  std::ofstream(file) << R"({"cells": 5, "nbformat": 4})";
  EXPECT_FALSE(notebook_file::read(file).has_value());
  std::ofstream(file) << R"({"cells": [], "nbformat": 3})";
  EXPECT_FALSE(notebook_file::read(file).has_value());
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace kmux::cli
