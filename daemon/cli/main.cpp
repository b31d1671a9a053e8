// kmux: what the person on duty types.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
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
  std::string runtime_dir, url, token_file, config, output = "text";
  cli::tls_files files;
  bool yes = false;
};

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Where kmuxd's own configuration puts things, unless something else was said. Not every mistake
/// in it is ours to tell, but where nobody was meant to look, nobody is looked for.
result<void> find_directories(const options& o, cli::session& s) {
  std::vector<const char*> words = {"kmuxd"};
  const auto add = [&words](const char* flag, const std::string& value) {
    if (value.empty()) return;
    words.push_back(flag);
    words.push_back(value.c_str());
  };
  add("--runtime-dir", o.runtime_dir);
  add("--config", o.config);
  const auto found =
      config::load(static_cast<int>(words.size()), words.data(), config::current_environment());
  for (const auto& each : found.problems) {
    if (each.key == "runtime_dir" || each.key == "state_dir") {
      return error{errc::bad_field, each.origin + ": " + each.message};
    }
  }
  s.runtime_dir = found.value.runtime_dir;
  s.state_dir = found.value.state_dir;
  return {};
}

/// From where the user is, as other programs take it. kmuxd itself wants it whole.
std::string absolute(const std::string& path) {
  std::error_code failed;
  auto whole = path.empty() ? std::filesystem::path() : std::filesystem::absolute(path, failed);
  return failed ? path : whole.lexically_normal().string();
}

result<cli::session> open_session(options o) {
  if (o.url.empty() && o.runtime_dir.empty()) o.url = variable("KMUX_URL");
  cli::session out{cli::daemon_client({}), {}, {}, o.config};
  if (o.url.empty()) {
    o.runtime_dir = absolute(o.runtime_dir);
    if (const auto done = find_directories(o, out); !done) return done.error();
    out.daemon = cli::daemon_client(cli::address_of_runtime(out.runtime_dir));
    return out;
  }
  std::string token = variable("KMUX_TOKEN");
  if (!o.token_file.empty()) {
    std::ifstream in(o.token_file);
    if (!std::getline(in, token)) {
      return error{errc::bad_field, "there is no token in " + o.token_file};
    }
  }
  auto where = cli::address_of_url(o.url, token);
  if (!where) return where.error();
  where->files = o.files;
  out.daemon = cli::daemon_client(std::move(*where));
  return out;
}

cli::format format_from(const std::string& name) {
  if (name == "json") return cli::format::json;
  if (name == "wide") return cli::format::wide;
  return name == "name" ? cli::format::name : cli::format::text;
}

/// What CLI11 has found of one command.
struct parsed {
  const cli::command* chosen = nullptr;
  std::vector<std::string> words;
  std::map<std::string, std::vector<std::string>> flags;
};

std::string long_name(const cli::flag& f) {
  const std::string names = f.names;
  return names.substr(names.find("--") + 2);
}

void add_flags(CLI::App& to, const cli::command& what, parsed& out) {
  for (const auto& each : what.flags) {
    const auto note = [&out, name = long_name(each)](const std::vector<std::string>& values) {
      out.flags[name] = values;
      return true;
    };
    if (*each.value == '\0') {
      to.add_flag_callback(
          each.names, [note] { note({}); }, each.help);
    } else {
      to.add_option(each.names, CLI::callback_t(note), each.help)
          ->option_text(each.value)
          ->expected(1)
          ->take_all()
          ->allow_extra_args(false);
    }
  }
}

void add_command(CLI::App& app, const cli::command& what, const char* group, parsed& out) {
  auto* const sub = app.add_subcommand(what.name, what.help)->group(group);
  if (what.most > 0) {
    sub->add_option("words", out.words, what.words)
        ->option_text(what.words)
        ->expected(static_cast<int>(what.least),
                   what.most == cli::any_number ? 1 << 16 : static_cast<int>(what.most))
        ->required(what.least > 0);
  }
  add_flags(*sub, what, out);
  std::string examples = what.examples;
  if (!examples.empty()) sub->footer("Examples:\n" + examples);
  sub->callback([&out, &what] { out.chosen = &what; });
}

cli::exit_code parse_and_run(int argc, char** argv) {
  CLI::App app("Looks after a kmuxd: by its admin.sock, or with --url and a token.", "kmux");
  options o;
  parsed found;
  app.add_option("--runtime-dir", o.runtime_dir, "kmuxd's runtime directory")->option_text("DIR");
  app.add_option("--url", o.url, "ask http(s)://HOST:PORT/ instead [KMUX_URL, KMUX_TOKEN]")
      ->option_text("URL");
  app.add_option("--token-file", o.token_file, "a file with the token for --url")
      ->option_text("FILE");
  app.add_option("--tls-ca", o.files.ca, "whom to trust instead of the system's authorities")
      ->option_text("FILE");
  app.add_option("--tls-cert", o.files.cert, "the certificate to show, with its key")
      ->option_text("FILE");
  app.add_option("--tls-key", o.files.key, "its key, where that is in a file of its own")
      ->option_text("FILE");
  app.add_option("--config", o.config, "kmuxd's configuration file")->option_text("FILE");
  app.add_option("-o,--output", o.output, "text, wide, json (what the API says) or name")
      ->option_text("FORMAT")
      ->check(CLI::IsMember({"text", "wide", "json", "name"}));
  app.add_flag("-y,--yes", o.yes, "ask nothing");
  app.set_version_flag("--version", "kmux " + std::string(daemon::kmux_version));
  app.require_subcommand(1);
  app.fallthrough();
  for (const auto& group : cli::all_commands()) {
    for (const auto& each : group.commands)
      add_command(app, each, group.title, found);
  }
  app.footer(
      "An ID is a kernel's id, its beginning, a session's name or path, or @last.\n"
      "kmux COMMAND --help has examples.");
  cli::add_self_description(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? cli::exit_code::done : cli::exit_code::usage;
  }
  auto s = open_session(o);
  if (!s) return cli::explain({cli::exit_code::usage, s.error().detail, "kmux --help"});
  s->output = format_from(o.output);
  s->yes = o.yes;
  s->words = std::move(found.words);
  s->flags = std::move(found.flags);
  return found.chosen->run(*s);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto code = parse_and_run(argc, argv);
    // A full disk or a closed pipe behind stdout is a failure, and is noticed here at the latest.
    if (std::fflush(stdout) != 0 && code == cli::exit_code::done) {
      return static_cast<int>(cli::exit_code::failed);
    }
    return static_cast<int>(code);
  } catch (const std::exception& e) {
    fmt::print(stderr, "kmux: {}\n", e.what());
    return static_cast<int>(cli::exit_code::failed);
  }
}
