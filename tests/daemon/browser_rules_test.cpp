#include "daemon/auth/browser_rules.hpp"

#include <unistd.h>

#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

http_request make(std::string method, header_list headers) {
  http_request out;
  out.method = std::move(method);
  out.headers = std::move(headers);
  return out;
}

TEST(browsers, cookies_are_found_by_their_whole_name) {
  const auto r = make("GET", {{"cookie", "a=1; ab=2;c=3;  d=x=y; e"}, {"Cookie", "z=9"}});
  EXPECT_EQ(cookie(r, "a"), "1");
  EXPECT_EQ(cookie(r, "ab"), "2");
  EXPECT_EQ(cookie(r, "c"), "3");
  EXPECT_EQ(cookie(r, "d"), "x=y");
  EXPECT_EQ(cookie(r, "z"), "9");
  EXPECT_EQ(cookie(r, "e"), "");
  EXPECT_EQ(cookie(r, "b"), "");
  EXPECT_EQ(cookie(make("GET", {}), "a"), "");
}

TEST(browsers, other_names_than_ours_are_told) {
  std::string ours(256, '\0');
  ASSERT_EQ(::gethostname(ours.data(), ours.size() - 1), 0);
  ours.resize(ours.find('\0'));
  for (const auto& host : {std::string("127.0.0.1:8888"), std::string("[::1]:8888"),
                           std::string("localhost"), std::string("LOCALHOST:1"), ours + ":80",
                           std::string("10.1.2.3"), std::string("kmux.example:443")})
    EXPECT_EQ(foreign_host(make("GET", {{"Host", host}}), {"kmux.example"}), "") << host;
  for (const auto* host : {"evil.example", "evil.example:8888", "localhost.evil.example", "",
                           "127.0.0.1.evil.example", "x.kmux.example"})
    EXPECT_NE(foreign_host(make("GET", {{"Host", host}}), {"kmux.example"}), "") << host;
}

class cookies : public testing::Test {
protected:
  static std::string wrong(const http_request& r, const std::string& allowed = "") {
    return cross_site(r, allowed, "mark");
  }
};

TEST_F(cookies, reading_needs_no_mark_and_changing_does) {
  EXPECT_EQ(wrong(make("GET", {{"Host", "h"}})), "");
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    EXPECT_NE(wrong(make(method, {{"Host", "h"}})), "") << method;
    EXPECT_NE(wrong(make(method, {{"Host", "h"}, {"X-XSRFToken", "other"}})), "") << method;
    EXPECT_EQ(wrong(make(method, {{"Host", "h"}, {"X-XSRFToken", "mark"}})), "") << method;
  }
  auto by_argument = make("POST", {{"Host", "h"}});
  by_argument.query = {{"_xsrf", "mark"}};
  EXPECT_EQ(wrong(by_argument), "");
  EXPECT_NE(cross_site(make("POST", {{"Host", "h"}, {"X-XSRFToken", ""}}), "", ""), "");
}

TEST_F(cookies, another_origin_gets_nothing) {
  EXPECT_EQ(wrong(make("GET", {{"Host", "h:1"}, {"Origin", "https://h:1"}})), "");
  EXPECT_EQ(wrong(make("GET", {{"Host", "x"}, {"X-Forwarded-Host", "h"}, {"Origin", "http://h"}})),
            "");
  for (const auto* origin : {"https://evil", "https://h:2", "null", "h:1", ""})
    EXPECT_NE(wrong(make("GET", {{"Host", "h:1"}, {"Origin", origin}})), "") << origin;
  EXPECT_EQ(wrong(make("GET", {{"Host", "h"}, {"Origin", "https://o"}}), "https://o"), "");
  EXPECT_NE(wrong(make("GET", {{"Host", "h"}, {"Sec-Fetch-Site", "cross-site"}})), "");
  EXPECT_EQ(wrong(make(
                "GET",
                {{"Host", "h"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}})),
            "");
}

TEST_F(cookies, websockets_must_say_where_they_come_from) {
  auto r = make("GET", {{"Host", "h"}, {"Upgrade", "websocket"}});
  EXPECT_NE(wrong(r), "");
  r.headers.emplace_back("Origin", "http://h");
  EXPECT_EQ(wrong(r), "");
  r.headers.back().second = "http://evil";
  EXPECT_NE(wrong(r), "");
}

TEST(browsers, pages_are_navigations_and_scripts_are_not) {
  EXPECT_TRUE(is_navigation(make("GET", {{"Sec-Fetch-Mode", "navigate"}})));
  EXPECT_TRUE(is_navigation(make("GET", {{"Accept", "text/html,*/*;q=0.8"}})));
  EXPECT_FALSE(is_navigation(make("GET", {{"Accept", "text/html"}, {"Sec-Fetch-Mode", "cors"}})));
  EXPECT_FALSE(is_navigation(make("GET", {{"Accept", "*/*"}})));
  EXPECT_FALSE(is_navigation(make("POST", {{"Sec-Fetch-Mode", "navigate"}})));
}

}  // namespace
}  // namespace kmux::daemon
