#include "daemon/http/router.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

namespace kmux::daemon {
namespace {

namespace asio = boost::asio;

class routing : public testing::Test {
protected:
  routing() {
    const auto nothing = [](http_request&) { return http_response{}; };
    routes_.add_open("GET", "/", nothing);
    for (const auto* pattern : {"/k", "/k/{id}", "/k/{id}/channels", "/s/{name}/{file...}"})
      routes_.add_simple("GET", pattern, nothing);
    routes_.add_simple("POST", "/k", nothing);
    routes_.add_simple("DELETE", "/k/{id}", nothing);
  }

  /// "METHOD pattern" and what its {…} matched, or the status of the refusal.
  std::string find(const std::string& method, const std::string& path) {
    request_ = {};
    request_.method = method;
    request_.path = path;
    refusal_ = {};
    const auto* const route = routes_.find(request_, refusal_);
    if (route == nullptr) return std::to_string(refusal_.status);
    std::string out = route->method + ' ' + route->pattern;
    for (const auto& parameter : request_.parameters)
      out += " [" + parameter + ']';
    return out;
  }

  router routes_;
  http_request request_;
  http_response refusal_;
};

TEST_F(routing, paths_and_their_parameters) {
  EXPECT_EQ(find("GET", "/"), "GET /");
  EXPECT_EQ(find("GET", "/k"), "GET /k");
  EXPECT_EQ(find("POST", "/k"), "POST /k");
  EXPECT_EQ(find("GET", "/k/1 é"), "GET /k/{id} [1 é]");
  EXPECT_EQ(find("DELETE", "/k/1"), "DELETE /k/{id} [1]");
  EXPECT_EQ(find("GET", "/k/1/channels"), "GET /k/{id}/channels [1]");
  EXPECT_EQ(find("GET", "/s/n/a"), "GET /s/{name}/{file...} [n] [a]");
  EXPECT_EQ(find("GET", "/s/n/a/b//c/"), "GET /s/{name}/{file...} [n] [a/b//c/]");
}

TEST_F(routing, what_is_not_there) {
  for (const auto* path : {"//", "/K", "/kk", "/k/", "/k//", "/k//channels", "/k/1/", "/k/1/x",
                           "/k/1/channels/x", "/s", "/s/n", "/s/n/", "/s//a", "/x", ""}) {
    EXPECT_EQ(find("GET", path), "404") << path;
  }
  EXPECT_TRUE(refusal_.headers.empty());
}

TEST_F(routing, another_method_is_told_which_there_are) {
  EXPECT_EQ(find("PUT", "/k"), "405");
  EXPECT_EQ(refusal_.headers, (header_list{{"Allow", "GET, POST"}}));
  EXPECT_EQ(find("DELETE", "/k"), "405");
  EXPECT_EQ(find("POST", "/k/1"), "405");
  EXPECT_EQ(refusal_.headers, (header_list{{"Allow", "GET, DELETE"}}));
  EXPECT_EQ(find("get", "/k"), "405") << "methods have a case";
}

TEST_F(routing, head_is_served_where_get_is) {
  EXPECT_EQ(find("HEAD", "/k/1"), "GET /k/{id} [1]");
  routes_.add_simple("POST", "/only", [](http_request&) { return http_response{}; });
  EXPECT_EQ(find("HEAD", "/only"), "405");
}

TEST_F(routing, only_what_was_added_as_open_is_open) {
  for (const auto& route : routes_.routes())
    EXPECT_EQ(route.needs == access::open, route.pattern == "/") << route.pattern;
}

TEST_F(routing, only_what_was_added_so_is_everywhere_and_that_is_open) {
  routes_.add_everywhere("GET", "/healthy", [](http_request&) -> asio::awaitable<http_response> {
    co_return http_response{};
  });
  EXPECT_EQ(find("GET", "/healthy"), "GET /healthy");
  EXPECT_TRUE(routes_.routes().back().needs == access::open);
  EXPECT_TRUE(routes_.is_everywhere("/healthy"));
  for (const auto* path : {"/", "/k", "/healthy/", "/healthyx", ""})
    EXPECT_FALSE(routes_.is_everywhere(path)) << path;
}

TEST_F(routing, a_simple_handler_gets_the_request_and_gives_the_response) {
  routes_.add_simple("GET", "/echo/{what}",
                     [](http_request& r) { return json_response(201, r.parameters.at(0)); });
  ASSERT_EQ(find("GET", "/echo/x"), "GET /echo/{what} [x]");
  asio::io_context io;
  auto answer = asio::co_spawn(io, routes_.routes().back().handle(request_), asio::use_future);
  io.run();
  const auto response = answer.get();
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "x");
}

}  // namespace
}  // namespace kmux::daemon
