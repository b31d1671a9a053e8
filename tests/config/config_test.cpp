#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "config/cull_rule.hpp"
#include "config/load.hpp"
#include "config/options.hpp"
#include "config/units.hpp"

namespace kmux::config {
namespace {

using namespace std::chrono_literals;

class loading : public testing::Test {
protected:
  loading() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kmux-config-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~loading() override { std::filesystem::remove_all(directory_); }

  load_result load_with(const std::string& file, environment_map environment = {},
                        std::vector<std::string> flags = {}) {
    const std::string path = directory_ + "/kmuxd.toml";
    std::ofstream(path) << file;
    std::vector<const char*> argv = {"kmuxd", "--config", path.c_str()};
    for (const auto& flag : flags)
      argv.push_back(flag.c_str());
    environment.emplace("HOME", "/home/me");
    return load(static_cast<int>(argv.size()), argv.data(), environment);
  }
  std::string directory_;
};

TEST_F(loading, later_sources_win) {
  const std::string file = "[kernels]\nrestart_limit = 1\nstop_term = \"1s\"\necho = true\n";
  const auto all =
      load_with(file, {{"KMUX_KERNELS_RESTART_LIMIT", "2"}, {"KMUX_KERNELS_STOP_TERM", "2s"}},
                {"--kernels-stop-term", "3s"});
  ASSERT_TRUE(all.problems.empty()) << all.problems[0].message;
  EXPECT_TRUE(all.value.kernels.echo);
  EXPECT_EQ(all.value.kernels.restart_limit, 2);
  EXPECT_EQ(all.value.kernels.stop_term, 3s);
  EXPECT_EQ(all.value.kernels.stop_message, 2500ms);
}

TEST_F(loading, lists_come_from_everywhere) {
  EXPECT_EQ(load_with("[server]\nlisten = [\"[::1]:0\", \"unix:/x\"]\n").value.server.listen,
            (std::vector<std::string>{"[::1]:0", "unix:/x"}));
  EXPECT_EQ(
      load_with("", {{"KMUX_SERVER_LISTEN", "127.0.0.1:1,127.0.0.1:2"}}).value.server.listen.size(),
      2U);
  EXPECT_EQ(load_with("", {}, {"--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"})
                .value.server.listen.size(),
            2U);
}

TEST_F(loading, everything_wrong_is_said_with_its_place) {
  const auto r = load_with(
      "[server]\nlisen = [\"x\"]\nlisten = [\"nonsense\"]\n[kernels]\necho = \"maybe\"\nstop_term "
      "= \"soon\"\n",
      {{"KMUX_LOG_LEVLE", "info"}}, {"--base-url", "no-slash"});
  std::string all;
  for (const auto& p : r.problems)
    all += p.origin + " " + p.key + ": " + p.message + "\n";
  EXPECT_EQ(r.problems.size(), 6U) << all;
  for (const auto* part :
       {":2:1 server.lisen: there is no such option; did you mean server.listen?", "nonsense",
        ":5:1 kernels.echo", "true or false", "30s", "KMUX_LOG_LEVEL",
        "--base-url server.base_url"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
  }
}

TEST_F(loading, broken_toml_has_a_place) {
  const auto r = load_with("[server\n");
  ASSERT_EQ(r.problems.size(), 1U);
  EXPECT_NE(r.problems[0].origin.find("kmuxd.toml:1:"), std::string::npos) << r.problems[0].origin;
}

TEST_F(loading, directories_follow_the_runtime_directory) {
  const auto r = load_with("", {}, {"--runtime-dir", "/r"});
  EXPECT_EQ(r.value.runtime_dir, "/r");
  EXPECT_EQ(r.value.state_dir, "/r/state");
  EXPECT_EQ(load_with("", {{"RUNTIME_DIRECTORY", "/run/a:/run/b"}, {"STATE_DIRECTORY", "/s"}})
                .value.runtime_dir,
            "/run/a");
}

TEST_F(loading, a_services_configuration_directory_has_the_file) {
  std::ofstream(directory_ + "/kmuxd.toml") << "[kernels]\necho = true\n";
  const char* const argv[] = {"kmuxd"};
  EXPECT_TRUE(load(1, argv, {{"CONFIGURATION_DIRECTORY", directory_}}).value.kernels.echo);
  EXPECT_TRUE(load(1, argv, {{"CONFIGURATION_DIRECTORY", directory_ + ":/b"}}).value.kernels.echo);
  std::filesystem::remove(directory_ + "/kmuxd.toml");
  const auto none = load(1, argv, {{"CONFIGURATION_DIRECTORY", directory_}});
  EXPECT_TRUE(none.problems.empty() && !none.value.kernels.echo) << "it need not be there";
}

TEST_F(loading, the_command_lines_variables_are_no_options) {
  EXPECT_TRUE(load_with("", {{"KMUX_URL", "http://h/"}, {"KMUX_TOKEN", "t"}}).problems.empty());
  EXPECT_FALSE(load_with("", {{"KMUX_URLS", "http://h/"}}).problems.empty());
}

TEST_F(loading, flags_that_end_early) {
  using what = load_result::action;
  EXPECT_EQ(load_with("", {}, {"--help"}).what, what::help);
  EXPECT_EQ(load_with("", {}, {"--version"}).what, what::version);
  EXPECT_EQ(load_with("", {}, {"--check-config"}).what, what::check);
  EXPECT_EQ(load_with("", {}, {"--nonsense"}).what, what::usage_error);
}

TEST_F(loading, what_is_printed_is_the_same_configuration) {
  const auto printed =
      load_with("[limits]\nmax_headers = 7\n", {}, {"--print-config", "--runtime-dir", "/r"});
  ASSERT_EQ(printed.what, load_result::action::print);
  const auto again = load_with(printed.text, {}, {"--print-config"});
  ASSERT_TRUE(again.problems.empty()) << again.problems[0].origin << again.problems[0].message;
  EXPECT_EQ(again.text, printed.text);
}

TEST_F(loading, reload_takes_what_it_can_or_nothing) {
  const auto now = load_with("").value;
  auto fresh = now;
  fresh.kernels.echo = !fresh.kernels.echo;
  EXPECT_TRUE(check_reload(now, fresh).empty());
  fresh.server.listen = {"127.0.0.1:1"};
  const auto problems = check_reload(now, fresh);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].key, "server.listen");
}

TEST(units, durations_and_sizes) {
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("30"), 30s);
  EXPECT_EQ(parse_size("64MiB"), 64U << 20);
  EXPECT_EQ(parse_size("10"), 10U);
  for (const auto* bad : {"", "s", "-1s", "1 s", "1year", "1e9d", "nan"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  for (const auto* bad : {"", "MiB", "-1", "1MB ", "1TiB", "9999999GiB"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(units, addresses) {
  for (const auto* good : {"127.0.0.1:0", "[::1]:8888", "localhost:65535", "unix:/run/x"})
    EXPECT_EQ(check_listen(good), "") << good;
  for (const auto* bad :
       {"", ":1", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:x", "::1:80", "unix:", "unix:x"})
    EXPECT_NE(check_listen(bad), "") << bad;
}

TEST(units, cull_rules) {
  std::string problem;
  const auto rule = parse_cull_rule("owner:ann  kernelspec:ir idle_timeout=2h max_age=0", problem);
  ASSERT_TRUE(rule.has_value()) << problem;
  EXPECT_EQ(rule->owner, "ann");
  EXPECT_EQ(rule->kernelspec, "ir");
  EXPECT_EQ(rule->idle_timeout, 2h);
  EXPECT_EQ(rule->max_age, 0s);
  EXPECT_FALSE(parse_cull_rule("owner:ann max_age=1d", problem)->idle_timeout.has_value());
  for (const auto* bad :
       {"", "owner:ann", "idle_timeout=2h", "owner: max_age=0", "owner:ann idle_timeout=soon",
        "owner:ann owner:bob max_age=0", "owner:ann max_age=0 max_age=1", "user:ann max_age=0"}) {
    EXPECT_NE(check_cull_rule(bad), "") << bad;
  }
}

TEST_F(loading, a_bad_rule_is_named) {
  const auto r = load_with(
      "[culling]\nrules = [\"kernelspec:ir idle_timeout=2h\", \"owner:ann idle_timeout=soon\"]\n");
  ASSERT_EQ(r.problems.size(), 1U);
  EXPECT_NE(r.problems[0].message.find("owner:ann idle_timeout=soon"), std::string::npos)
      << r.problems[0].message;
}

TEST(options, the_manual_has_the_table) {
  std::ifstream file(std::string(KMUX_DOCS) + "/configuration.md");
  const std::string manual((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(manual.find(options_as_markdown()), std::string::npos)
      << "put this into docs/configuration.md:\n"
      << options_as_markdown();
}

}  // namespace
}  // namespace kmux::config
