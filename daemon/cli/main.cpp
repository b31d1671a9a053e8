// kmux: what the person on duty types.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "config/load.hpp"
#include "daemon/cli/command.hpp"
#include "daemon/cli/self_description.hpp"
#include "daemon/version.hpp"

namespace {

using namespace kmux;

struct options {
  std::string runtime_dir, url, token_file, output = "text";
};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Where kmuxd's own configuration puts it, unless something else was said.
std::string runtime_directory(const options& o) {
  if (!o.runtime_dir.empty()) return o.runtime_dir;
  const char* const kmuxd[] = {"kmuxd"};
  return config::load(1, kmuxd, config::current_environment()).value.runtime_dir;
}

result<cli::daemon_address> find_daemon(options o) {
  if (o.url.empty() && o.runtime_dir.empty()) o.url = variable("KMUX_URL");
  if (o.url.empty()) return cli::address_of_runtime(runtime_directory(o));
  std::string token = variable("KMUX_TOKEN");
  if (!o.token_file.empty()) {
    std::ifstream in(o.token_file);
    if (!std::getline(in, token)) {
      return error{errc::bad_field, "there is no token in " + o.token_file};
    }
  }
  return cli::address_of_url(o.url, token);
}

cli::exit_code run(const cli::command& what, const options& o, std::vector<std::string> words) {
  auto where = find_daemon(o);
  if (!where) {
    fmt::print(stderr, "kmux: {}\n", where.error().detail);
    return cli::exit_code::usage;
  }
  cli::session s{cli::daemon_client(std::move(*where)), o.output == "json", std::move(words)};
  return what.run(s);
}

cli::exit_code parse_and_run(int argc, char** argv) {
  CLI::App app("Looks after a kmuxd: by its admin.sock, or with --url and a token.", "kmux");
  options o;
  app.add_option("--runtime-dir", o.runtime_dir, "kmuxd's runtime directory");
  app.add_option("--url", o.url, "http://HOST:PORT/ instead [KMUX_URL]; the token is KMUX_TOKEN's");
  app.add_option("--token-file", o.token_file, "a file with the token for --url");
  app.add_option("-o,--output", o.output, "text, or json: what the API says")
      ->check(CLI::IsMember({"text", "json"}));
  app.set_version_flag("--version", "kmux " + std::string(daemon::kmux_version));
  app.require_subcommand(1);
  app.fallthrough();
  std::vector<std::string> words;
  const cli::command* chosen = nullptr;
  for (const auto& table : {cli::seeing(), cli::doing()}) {
    for (const auto& each : table) {
      auto* const sub = app.add_subcommand(each.name, each.help);
      if (each.most > 0) {
        sub->add_option("words", words, each.words)
            ->option_text(each.words)
            ->expected(static_cast<int>(each.least),
                       each.most == cli::any_number ? 1 << 16 : static_cast<int>(each.most))
            ->required(each.least > 0);
      }
      sub->callback([&chosen, &each] { chosen = &each; });
    }
  }
  cli::add_self_description(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? cli::exit_code::done : cli::exit_code::usage;
  }
  return run(*chosen, o, std::move(words));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return static_cast<int>(parse_and_run(argc, argv));
  } catch (const std::exception& e) {
    fmt::print(stderr, "kmux: {}\n", e.what());
    return static_cast<int>(cli::exit_code::failed);
  }
}
