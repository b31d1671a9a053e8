#include "daemon/http/message.hpp"

#include <gtest/gtest.h>

#include "protocol/json_document.hpp"

namespace kmux::daemon {
namespace {

TEST(message, the_first_header_of_any_case) {
  http_request r;
  r.headers = {{"X-Other", "0"}, {"x-ONE", "1"}, {"X-One", "2"}};
  ASSERT_NE(r.header("X-One"), nullptr);
  EXPECT_EQ(*r.header("X-One"), "1");
  EXPECT_EQ(r.header("X-On"), nullptr);
}

TEST(message, the_first_argument_of_exactly_that_name) {
  http_request r;
  r.query = {{"Token", "0"}, {"token", "1"}, {"token", "2"}};
  ASSERT_NE(r.argument("token"), nullptr);
  EXPECT_EQ(*r.argument("token"), "1");
  EXPECT_EQ(r.argument("TOKEN"), nullptr);
}

TEST(message, each_status_of_ours_has_its_phrase) {
  for (const int status : {100, 101, 200, 201, 204, 206, 304, 400, 401, 403, 404, 405,
                           408, 409, 413, 414, 417, 426, 431, 500, 501, 503, 504, 505}) {
    EXPECT_NE(reason_phrase(status), "Error") << status;
  }
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(299), "Error");
}

TEST(message, an_error_is_json_whatever_is_in_its_message) {
  const auto r = error_response(409, "a \"b\"\r\n\xff é");
  EXPECT_EQ(r.status, 409);
  EXPECT_EQ(r.content_type, "application/json");
  const auto body = json::parse_object(r.body, "it");
  ASSERT_TRUE(body.has_value()) << r.body;
  EXPECT_EQ(json::string_at(*body, "reason"), "Conflict");
  EXPECT_EQ(json::string_at(*body, "message"), "a \"b\"\r\n\xef\xbf\xbd é");
}

TEST(message, literal_bytes) {
  auto r = json_response(201, "{}");
  r.headers = {{"Location", "/x"}, {"Allow", "GET"}};
  EXPECT_EQ(serialize(r, false, true),
            "HTTP/1.1 201 Created\r\nServer: kmuxd\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\nLocation: /x\r\nAllow: GET\r\n"
            "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"
            "X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n{}");
  r.headers = {{"Content-Security-Policy", "default-src 'self'"}};
  EXPECT_EQ(serialize(r, false, true).find("'none'"), std::string::npos) << "a page's own";
  EXPECT_EQ(serialize(http_response{}, false, false),
            "HTTP/1.1 200 OK\r\nServer: kmuxd\r\nContent-Type: application/json\r\n"
            "Content-Length: 0\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n"
            "X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
            "Connection: close\r\n\r\n");
}

TEST(message, an_answer_to_head_has_the_length_without_the_body) {
  const auto r = json_response(200, "12345");
  const auto whole = serialize(r, false, true);
  EXPECT_EQ(serialize(r, true, true) + "12345", whole);
  EXPECT_NE(whole.find("Content-Length: 5\r\n"), std::string::npos);
}

TEST(message, what_has_no_body_has_no_length) {
  // RFC 9110 section 8.6 forbids it with 204; with 304 it would be that of the body not sent.
  for (const int status : {204, 304}) {
    const auto bytes = serialize(json_response(status, ""), false, true);
    EXPECT_EQ(bytes.find("Content-Length"), std::string::npos) << bytes;
    EXPECT_EQ(bytes.find("\r\nContent-Type:"), std::string::npos) << bytes;
    EXPECT_TRUE(bytes.ends_with("\r\n\r\n")) << bytes;
  }
}

}  // namespace
}  // namespace kmux::daemon
