#include "daemon/http/strict.hpp"

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

using namespace std::string_literals;

/// A head whose request line and Host are in order, so that `lines` alone decide.
std::string with(const std::string& lines) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
}

std::string with_line(const std::string& request_line) {
  return request_line + "\r\nHost: h\r\n\r\n";
}

int status_of(const std::string& head, const head_limits& limits = {}) {
  const auto verdict = judge_head(head, limits);
  EXPECT_EQ(verdict.status == 0, verdict.message.empty()) << "a refusal says why: " << head;
  return verdict.status;
}

TEST(strict, everything_is_taken_from_a_head) {
  const auto v = judge_head(
      "POST /api/kernels?a=%20 HTTP/1.1\r\nHost: h:8888\r\nX-Padded: \t one two \t\r\n"
      "X-Empty:\r\nX-Name: \xc3\xa9\r\nx-name: again\r\nCONTENT-LENGTH: 007\r\n"
      "Expect: 100-Continue\r\n\r\n",
      {});
  ASSERT_EQ(v.status, 0) << v.message;
  EXPECT_EQ(v.request.method, "POST");
  EXPECT_EQ(v.request.target, "/api/kernels?a=%20");
  const header_list headers = {
      {"Host", "h:8888"},  {"X-Padded", "one two"},   {"X-Empty", ""},           {"X-Name", "é"},
      {"x-name", "again"}, {"CONTENT-LENGTH", "007"}, {"Expect", "100-Continue"}};
  EXPECT_EQ(v.request.headers, headers);
  EXPECT_EQ(v.content_length, 7U);
  EXPECT_TRUE(v.keep_alive);
  EXPECT_TRUE(v.expects_continue);
}

TEST(strict, a_plain_head_promises_nothing) {
  const auto v = judge_head(with(""), {});
  ASSERT_EQ(v.status, 0) << v.message;
  EXPECT_EQ(v.content_length, 0U);
  EXPECT_FALSE(v.expects_continue);
}

TEST(strict, who_keeps_the_connection) {
  const auto keeps = [](const std::string& head) {
    const auto v = judge_head(head, {});
    EXPECT_EQ(v.status, 0) << v.message << '\n' << head;
    return v.keep_alive;
  };
  EXPECT_TRUE(keeps(with("")));
  EXPECT_TRUE(keeps(with("Connection: keep-alive\r\n")));
  EXPECT_TRUE(keeps(with("Connection: closed\r\n"))) << "another word that begins alike";
  EXPECT_FALSE(keeps(with("Connection: Close\r\n")));
  EXPECT_FALSE(keeps(with("connection: x , close\r\n")));
  EXPECT_FALSE(keeps(with("Connection: close\r\nConnection: keep-alive\r\n")));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  // To keep an HTTP/1.0 connection would be an extension that proxies are known to get wrong.
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(strict, request_lines) {
  struct {
    std::string line;
    int status;
  } const table[] = {
      {"GET / HTTP/1.1", 0},
      {"GET / HTTP/1.0", 0},
      {"OPTIONS /a?b=c&d HTTP/1.1", 0},
      {"get / HTTP/1.1", 0},  // another method than GET, which no route has
      {"M-SEARCH!#$%&'*+.^_`|~0 / HTTP/1.1", 0},
      {"GET //x HTTP/1.1", 0},

      {"GET /", 400},  // HTTP/0.9
      {"GET", 400},
      {"GET  / HTTP/1.1", 400},
      {"GET /  HTTP/1.1", 400},
      {"GET /a b HTTP/1.1", 400},
      {"GET / HTTP/1.1 ", 400},
      {" GET / HTTP/1.1", 400},
      {"GET\t/\tHTTP/1.1", 400},
      {"GET /\tHTTP/1.1", 400},
      {" / HTTP/1.1", 400},
      {"G(T / HTTP/1.1", 400},
      {"G\xc3\x89T / HTTP/1.1", 400},
      {std::string(33, 'G') + " / HTTP/1.1", 400},

      {"GET http://h/ HTTP/1.1", 400},  // absolute-form: two hosts that may differ
      {"CONNECT h:80 HTTP/1.1", 400},
      {"CONNECT / HTTP/1.1", 501},
      {"OPTIONS * HTTP/1.1", 400},
      {"GET \\ HTTP/1.1", 400},
      {"GET /\xc3\xa9 HTTP/1.1", 400},
      {"GET /a\tb HTTP/1.1", 400},

      {"GET / HTTP/2.0", 505},
      {"GET / HTTP/1.2", 505},
      {"GET / HTTP/1.10", 505},
      {"GET / HTTP/01.1", 505},
      {"GET / http/1.1", 505},
      {"GET / ICY/1.1", 505},
      {"GET / HTTP/1.1\t", 505},
  };
  for (const auto& each : table)
    EXPECT_EQ(status_of(with_line(each.line)), each.status) << each.line;
}

TEST(strict, header_lines) {
  struct {
    std::string lines;
    int status;
  } const table[] = {
      {"X: a: b\r\n", 0},
      {"X:\r\n", 0},
      {"X: a\tb\r\n", 0},

      {"X : a\r\n", 400},  // some parsers drop the space, some take it for a part of the name
      {"X\t: a\r\n", 400},
      {"Content-Length : 5\r\n", 400},
      {"X\r\n", 400},
      {": a\r\n", 400},
      {"X(y): a\r\n", 400},
      {"X\xc3\xa9: a\r\n", 400},

      // obs-fold, in its forms
      {"X: a\r\n b\r\n", 400},
      {"X: a\r\n\tb\r\n", 400},
      {"X: a\r\n b: c\r\n", 400},
      {"X: a\r\n \r\n", 400},

      {"X: \xff\r\n", 400},
      {"X: \xc0\xaf\r\n", 400},  // an overlong '/'
      {"X: \xed\xa0\x80\r\n", 400},

      {"Expect: 100-continue, x\r\n", 417},
      {"Expect: x\r\n", 417},
  };
  for (const auto& each : table)
    EXPECT_EQ(status_of(with(each.lines)), each.status) << each.lines;
  // A fold cannot hang on the request line, either.
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400);
}

TEST(strict, body_lengths) {
  struct {
    std::string lines;
    int status;
  } const table[] = {
      {"Content-Length: 0\r\n", 0},
      {"Content-Length: 5\r\n", 0},

      // Whoever believes the other one of two lengths sees another request after this one.
      {"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5\r\ncontent-length: 5\r\n", 400},
      {"Content-Length: 5, 5\r\n", 400},
      {"Content-Length: 5,\r\n", 400},

      {"Content-Length:\r\n", 400},
      {"Content-Length: +5\r\n", 400},
      {"Content-Length: -5\r\n", 400},
      {"Content-Length: 0x5\r\n", 400},
      {"Content-Length: 5 5\r\n", 400},
      {"Content-Length: 5.0\r\n", 400},
      {"Content-Length: 1e1\r\n", 400},
      {"Content-Length: 5;q=1\r\n", 400},
      {"Content-Length: \xd9\xa5\r\n", 400},              // a digit, but not an ASCII one
      {"Content-Length: 18446744073709551616\r\n", 400},  // 2^64, which would wrap to 0
      {"Content-Length: 18446744073709551615\r\n", 413},

      // No chunk is ever read, well-formed or not: it is the coding itself that is refused.
      {"Transfer-Encoding: chunked\r\n", 501},
      {"Transfer-Encoding: Chunked\r\n", 501},
      {"transfer-encoding:chunked\r\n", 501},
      {"Transfer-Encoding: xchunked\r\n", 501},
      {"Transfer-Encoding: chunked, identity\r\n", 501},
      {"Transfer-Encoding: identity\r\n", 501},
      {"Transfer-Encoding:\r\n", 501},
      {"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", 501},
      // Both lengths at once, the classic: in either order neither is believed.
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 501},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 501},

      {"Transfer-Encoding : chunked\r\n", 400},
      {"Transfer-Encoding\x0b: chunked\r\n", 400},
      {"Transfer-Encoding: \x0b"
       "chunked\r\n",
       400},
      {"X: a\nTransfer-Encoding: chunked\r\n", 400},
      {" Transfer-Encoding: chunked\r\n", 400},
  };
  for (const auto& each : table)
    EXPECT_EQ(status_of(with(each.lines)), each.status) << each.lines;
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 501);
}

TEST(strict, lines_end_with_cr_lf_and_nothing_else) {
  for (const auto* head : {
           "",
           "\r\n",
           "\r\n\r\n",
           "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
           "GET / HTTP/1.1\nHost: h\n\n",
           "GET / HTTP/1.1\nHost: h\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n",
           "GET / HTTP/1.1\rHost: h\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
           "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n",
       }) {
    EXPECT_EQ(status_of(head), 400) << head;
  }
}

TEST(strict, every_truncation_is_refused) {
  const std::string whole = with("X: y\r\n");
  ASSERT_EQ(status_of(whole), 0);
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_EQ(status_of(whole.substr(0, n)), 400) << n;
}

TEST(strict, control_characters_are_refused_wherever_they_are) {
  for (int c = 0; c < 0x100; ++c) {
    const char one = static_cast<char>(c);
    const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    // Bytes of 0x80 and above are no UTF-8 alone, which is refused all the same.
    EXPECT_EQ(status_of(with("X: a"s + one + "b\r\n")), control || c >= 0x80 ? 400 : 0) << c;
    if (!control) continue;
    EXPECT_EQ(status_of(with("X"s + one + ": a\r\n")), 400) << c;
    EXPECT_EQ(status_of(with_line("GET /"s + one + " HTTP/1.1")), 400) << c;
    EXPECT_EQ(status_of(with_line("GET"s + one + " / HTTP/1.1")), 400) << c;
  }
}

TEST(strict, exactly_one_host) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of(with("Host: h\r\n")), 400);
  EXPECT_EQ(status_of(with("hOST: other\r\n")), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  // That the connection ends afterwards is no excuse.
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), 400);
}

TEST(strict, limits_are_inclusive) {
  const std::string head = with("X: y\r\nZ: 1\r\n");
  head_limits limits;
  limits.max_bytes = head.size();
  EXPECT_EQ(status_of(head, limits), 0);
  limits.max_bytes = head.size() - 1;
  EXPECT_EQ(status_of(head, limits), 431);

  limits = {};
  limits.max_headers = 3;
  EXPECT_EQ(status_of(head, limits), 0);
  limits.max_headers = 2;
  EXPECT_EQ(status_of(head, limits), 431);

  limits = {};
  limits.max_target = 4;
  EXPECT_EQ(status_of(with_line("GET /abc HTTP/1.1"), limits), 0);
  EXPECT_EQ(status_of(with_line("GET /abcd HTTP/1.1"), limits), 414);

  limits = {};
  limits.max_body = 10;
  EXPECT_EQ(status_of(with("Content-Length: 10\r\n"), limits), 0);
  EXPECT_EQ(status_of(with("Content-Length: 11\r\n"), limits), 413);
}

/// What a browser sends, without the header that is named, or with another value for it.
http_request handshake(const std::string& name = "", const std::string& value = "") {
  http_request r;
  r.method = "GET";
  for (auto [n, v] : header_list{{"upgrade", "WebSocket"},
                                 {"connection", "keep-alive, Upgrade"},
                                 {"sec-websocket-version", "13"},
                                 {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}}) {
    if (n == name) v = value;
    if (!v.empty()) r.headers.emplace_back(n, v);
  }
  return r;
}

TEST(websocket_upgrade, all_of_the_handshake_is_there) {
  std::string problem;
  EXPECT_TRUE(is_websocket_upgrade(handshake(), problem)) << problem;
}

TEST(websocket_upgrade, what_is_missing_is_said) {
  const struct {
    std::string name, value, said;
  } table[] = {
      {"upgrade", "", "Upgrade: websocket"},
      {"upgrade", "h2c", "Upgrade: websocket"},
      {"connection", "", "Connection: Upgrade"},
      {"connection", "keep-alive", "Connection: Upgrade"},
      {"sec-websocket-version", "", "must be 13"},
      {"sec-websocket-version", "8", "must be 13"},
      {"sec-websocket-key", "", "16 bytes"},
      {"sec-websocket-key", "dGhlIHNhbXBsZQ==", "16 bytes"},
  };
  for (const auto& each : table) {
    std::string problem;
    EXPECT_FALSE(is_websocket_upgrade(handshake(each.name, each.value), problem)) << each.name;
    EXPECT_NE(problem.find(each.said), std::string::npos) << each.name << ": " << problem;
  }
  auto post = handshake();
  post.method = "POST";
  std::string problem;
  EXPECT_FALSE(is_websocket_upgrade(post, problem));
  EXPECT_NE(problem.find("is a GET"), std::string::npos) << problem;
}

}  // namespace
}  // namespace kmux::daemon
