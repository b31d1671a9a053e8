#include "config/hub_environment.hpp"

#include <gtest/gtest.h>

namespace kmux::config {
namespace {

const environment_map service = {
    {"JUPYTERHUB_API_TOKEN", "secret"},
    {"JUPYTERHUB_API_URL", "http://127.0.0.1:8081/hub/api"},
    {"JUPYTERHUB_SERVICE_NAME", "kmux"},
    {"JUPYTERHUB_SERVICE_PREFIX", "/services/kmux/"},
    {"JUPYTERHUB_SERVICE_URL", "http://127.0.0.1:18888"},
    {"JUPYTERHUB_OAUTH_ACCESS_SCOPES", R"(["access:services"])"},
};

config loaded(environment_map environment, std::vector<const char*> flags = {}) {
  flags.insert(flags.begin(), "kmuxd");
  environment["HOME"] = "/nowhere";
  auto out = load(static_cast<int>(flags.size()), flags.data(), environment);
  EXPECT_EQ(out.what, load_result::action::run) << out.text;
  EXPECT_TRUE(out.problems.empty()) << out.problems.front().message;
  return out.value;
}

TEST(hub, says_where_to_listen_and_under_which_path) {
  const auto c = loaded(service);
  EXPECT_TRUE(c.hub.on());
  EXPECT_EQ(c.server.listen, std::vector<std::string>{"127.0.0.1:18888"});
  EXPECT_EQ(c.server.base_url, "/services/kmux/");
  EXPECT_EQ(c.hub.client_id, "service-kmux");
  EXPECT_EQ(c.hub.callback_url, "/services/kmux/oauth_callback");
}

TEST(hub, flags_say_it_more_precisely) {
  const auto c = loaded(service, {"--listen", "127.0.0.1:1", "--base-url", "/x/"});
  EXPECT_EQ(c.server.listen, std::vector<std::string>{"127.0.0.1:1"});
  EXPECT_EQ(c.server.base_url, "/x/");
}

TEST(hub, is_off_without_its_variables_or_on_demand) {
  EXPECT_FALSE(loaded({}).hub.on());
  for (const auto* name :
       {"JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_PREFIX"}) {
    auto less = service;
    less.erase(name);
    EXPECT_FALSE(loaded(less).hub.on()) << name;
  }
  EXPECT_FALSE(loaded(service, {"--hub-enabled", "off"}).hub.on());
}

TEST(hub, urls_are_places_to_listen) {
  for (const auto& [url, listen] : {std::pair{"http://127.0.0.1:18888", "127.0.0.1:18888"},
                                    {"http://127.0.0.1:18888/user/ann/", "127.0.0.1:18888"},
                                    {"http://localhost:1/", "localhost:1"},
                                    {"http://[::1]:1/", "[::1]:1"},
                                    {"http://0.0.0.0:1", "0.0.0.0:1"},
                                    {"http://kmux:8888/", "0.0.0.0:8888"},
                                    {"http://:8888/", "0.0.0.0:8888"},
                                    {"http://kmux/", ""},
                                    {"", ""}})
    EXPECT_EQ(listen_of_url(url), listen) << url;
}

TEST(http_without_tls, stays_on_this_machine_unless_told_otherwise) {
  const auto problems = [](std::vector<const char*> flags) {
    flags.insert(flags.begin(), "kmuxd");
    const auto out = load(static_cast<int>(flags.size()), flags.data(), {{"HOME", "/nowhere"}});
    EXPECT_EQ(out.what, load_result::action::run) << out.text;
    return out.problems;
  };
  EXPECT_TRUE(problems({"--listen", "[::1]:1", "--listen", "unix:/x"}).empty());
  ASSERT_EQ(problems({"--listen", "0.0.0.0:1"}).size(), 1U);
  EXPECT_NE(problems({"--listen", "0.0.0.0:1"})[0].message.find("server.insecure"),
            std::string::npos);
  EXPECT_TRUE(problems({"--listen", "0.0.0.0:1", "--server-insecure", "true"}).empty());
  EXPECT_TRUE(
      problems({"--listen", "0.0.0.0:1", "--server-tls-cert", "/c", "--server-tls-key", "/k"})
          .empty());
}

}  // namespace
}  // namespace kmux::config
