#include "config/load.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "config/hub_environment.hpp"
#include "config/options.hpp"
#include "config/toml_source.hpp"
#include "config/units.hpp"

namespace kmux::config {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view token_variable = "KMUX_AUTH_TOKEN";
constexpr std::string_view of_the_cli[] = {"KMUX_URL", "KMUX_TOKEN"};

const option* find_option(const std::string& key) {
  const auto& table = options();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const option& o) { return o.key == key; });
  return found == table.end() ? nullptr : &*found;
}

/// Collects values from one source after the other; later ones win.
class loader {
public:
  explicit loader(load_result& out) : out_(out) {}

  void set(const option& o, const std::vector<std::string>& words, bool is_list,
           const std::string& origin) {
    const bool wants_list = o.type == option::kind::list;
    if (is_list && !wants_list) {
      return complain(o.key, origin, "it takes one value, not a list");
    }
    out_.origins[o.key] = origin;
    if (const auto wrong = o.set(out_.value, words); !wrong.empty()) {
      const std::string shown = words.empty() ? "" : words.front();
      complain(o.key, origin, wants_list ? wrong : "\"" + shown + "\": " + wrong);
    }
  }

  void take_file(const std::string& path) {
    for (const auto& each : read_toml(path, out_.problems)) {
      if (const option* const o = find_option(each.key)) {
        set(*o, each.words, each.is_list, each.origin);
      } else {
        std::vector<std::string> known;
        for (const auto& option : options())
          known.push_back(option.key);
        unknown(each.key, each.origin, nearest(each.key, known));
      }
    }
  }

  void take_environment(const environment_map& environment) {
    std::vector<std::string> known = {std::string(token_variable)};
    for (const auto& o : options())
      known.push_back(o.variable());
    for (const auto& [name, value] : environment) {
      if (!name.starts_with("KMUX_") || std::ranges::count(of_the_cli, name) > 0) continue;
      if (name == token_variable) {
        out_.value.auth.token = secret(value);
        continue;
      }
      const auto index =
          static_cast<std::size_t>(std::find(known.begin(), known.end(), name) - known.begin());
      if (index == known.size()) {
        unknown(name, "environment", nearest(name, known));
        continue;
      }
      const option& o = options()[index - 1];
      set(o, o.type == option::kind::list ? split(value) : std::vector{value}, false, name);
      note(o);
    }
  }

  /// By the environment or a flag, for what the Hub's variables say less.
  void note(const option& o) {
    told_.listen |= o.key == "server.listen";
    told_.base_url |= o.key == "server.base_url";
  }
  told_nearer told() const { return told_; }

  void complain(std::string key, std::string origin, std::string message) {
    out_.problems.push_back({std::move(key), std::move(origin), std::move(message)});
  }

private:
  static std::vector<std::string> split(const std::string& value) {
    std::vector<std::string> words;
    std::istringstream in(value);
    for (std::string word; std::getline(in, word, ',');) {
      if (!word.empty()) words.push_back(word);
    }
    return words;
  }

  void unknown(const std::string& key, const std::string& origin, const std::string& near) {
    complain(key, origin,
             "there is no such option" + (near.empty() ? std::string(". kmuxd --help lists them")
                                                       : "; did you mean " + near + "?"));
  }

  load_result& out_;
  told_nearer told_;
};

struct flags {
  std::string config_file;
  bool check = false, print = false, version = false;
  std::vector<std::pair<const option*, std::vector<std::string>>> values;
};

/// What an option's value is, for people, where its name alone does not say it.
const char* value_name(const option& o) {
  using kind = option::kind;
  switch (o.type) {
    case kind::number:
      return "NUMBER";
    case kind::size:
      return "SIZE";
    case kind::duration:
      return "TIME";
    default:
      return nullptr;
  }
}

/// `words` has a place for each option.
void add_flags(CLI::App& app, flags& parsed, std::vector<std::vector<std::string>>& words) {
  app.name("kmuxd");
  app.description("kmuxd keeps Jupyter kernels running and lets clients come and go.");
  app.get_formatter()->column_width(44);
  app.add_option("--config", parsed.config_file, "the configuration file")->type_name("FILE");
  app.add_flag("--check-config", parsed.check, "check the configuration and end");
  app.add_flag("--print-config", parsed.print, "print the configuration in force and end");
  app.add_flag("--version", parsed.version, "print the version and end");
  for (std::size_t i = 0; i < options().size(); ++i) {
    const option& o = options()[i];
    auto* const flag = app.add_option(o.flag(), words[i], o.help)->type_name("");
    flag->expected(1)->take_all()->allow_extra_args(false);
  }
  app.footer(
      "The file has the same options in sections ([server] listen = …), the environment as "
      "KMUX_SECTION_KEY. Flags win over the environment, and that over the file.");
}

/// Usage errors go to `out.text`, with `out.what` set.
flags parse_flags(int argc, const char* const* argv, load_result& out) {
  flags parsed;
  std::vector<std::vector<std::string>> words(options().size());
  CLI::App app;
  add_flags(app, parsed, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::ostringstream normal, errors;
    const int code = app.exit(e, normal, errors);
    out.what = code == 0 ? load_result::action::help : load_result::action::usage_error;
    out.text = code == 0 ? normal.str() : "kmuxd: " + errors.str();
    return parsed;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].empty()) parsed.values.emplace_back(&options()[i], std::move(words[i]));
  }
  return parsed;
}

/// systemd's own variables (systemd.exec(5)); the first of several directories.
std::string first_directory(const environment_map& environment, const std::string& name) {
  const auto value = lookup(environment, name);
  return value.substr(0, value.find(':'));
}

std::string default_file(const environment_map& environment) {
  std::string file = "/etc/kmux/kmuxd.toml";
  if (const auto given = first_directory(environment, "CONFIGURATION_DIRECTORY"); !given.empty()) {
    file = given + "/kmuxd.toml";
  } else if (::geteuid() != 0) {
    const auto xdg = lookup(environment, "XDG_CONFIG_HOME");
    file = (xdg.empty() ? lookup(environment, "HOME") + "/.config" : xdg) + "/kmux/kmuxd.toml";
  }
  std::error_code ec;
  return fs::exists(file, ec) ? file : "";
}

void resolve_directories(config& c, const environment_map& environment) {
  const bool root = ::geteuid() == 0;
  const bool only_runtime = !c.runtime_dir.empty() && c.state_dir.empty();
  if (c.runtime_dir.empty()) c.runtime_dir = first_directory(environment, "RUNTIME_DIRECTORY");
  if (c.runtime_dir.empty()) {
    const auto xdg = lookup(environment, "XDG_RUNTIME_DIR");
    c.runtime_dir = root          ? "/run/kmux"
                    : xdg.empty() ? "/tmp/kmux-" + std::to_string(::geteuid())
                                  : xdg + "/kmux";
  }
  if (only_runtime) c.state_dir = c.runtime_dir + "/state";
  if (c.state_dir.empty()) c.state_dir = first_directory(environment, "STATE_DIRECTORY");
  if (c.state_dir.empty()) {
    const auto xdg = lookup(environment, "XDG_STATE_HOME");
    c.state_dir =
        root ? "/var/lib/kmux"
             : (xdg.empty() ? lookup(environment, "HOME") + "/.local/state" : xdg) + "/kmux";
  }
}

void resolve_files(config& c) {
  if (c.auth.tokens_file.empty()) c.auth.tokens_file = c.state_dir + "/tokens";
  if (c.auth.audit_log.empty()) c.auth.audit_log = c.state_dir + "/audit.log";
}

/// What each value alone cannot say.
void check_together(const config& c, loader& load) {
  for (const auto& where : c.server.listen) {
    if (!c.server.insecure && c.server.tls_cert.empty() && !is_private_listen(where)) {
      load.complain("server.listen", "configuration",
                    where +
                        " is open to other machines, and HTTP without TLS lets them read "
                        "tokens: set server.tls_cert and server.tls_key, or, behind a proxy, "
                        "server.insecure = true");
    }
  }
  if (c.server.tls_cert.empty() != c.server.tls_key.empty()) {
    load.complain("server.tls_key", "configuration",
                  "server.tls_cert and server.tls_key go together");
  }
  if (!c.server.tls_client_ca.empty() && c.server.tls_cert.empty()) {
    load.complain("server.tls_client_ca", "configuration",
                  "client certificates need TLS: set server.tls_cert and server.tls_key");
  }
  if (c.kernels.heartbeat_silent <= c.kernels.heartbeat_late) {
    load.complain("kernels.heartbeat_silent", "configuration",
                  "it must be longer than kernels.heartbeat_late");
  }
  if (c.limits.ws_ping_timeout <= c.limits.ws_ping_interval) {
    load.complain("limits.ws_ping_timeout", "configuration",
                  "it must be longer than limits.ws_ping_interval");
  }
}

/// A file with line(option) for each.
template <class Line>
std::string as_file(Line line) {
  std::string out, section;
  for (const option* const o : options_as_in_a_file()) {
    if (o->section() != section) out += "\n[" + o->section() + "]\n";
    section = o->section();
    out += line(*o);
  }
  return out;
}

std::string print(const config& c) {
  return as_file([&](const option& o) { return o.name() + " = " + o.show(c) + "\n"; });
}

}  // namespace

std::string lookup(const environment_map& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

load_result load(int argc, const char* const* argv, const environment_map& environment) {
  using action = load_result::action;
  load_result out;
  const flags given = parse_flags(argc, argv, out);
  if (out.what != action::run) return out;
  if (given.version) {
    out.what = action::version;
    return out;
  }
  loader load(out);
  const auto file = given.config_file.empty() ? default_file(environment) : given.config_file;
  out.file = file;
  if (!file.empty()) load.take_file(file);
  load.take_environment(environment);
  for (const auto& [o, words] : given.values) {
    load.set(*o, words, o->type != option::kind::list && words.size() > 1, o->flag());
    load.note(*o);
  }
  if (out.value.hub.enabled == "auto") take_hub(environment, load.told(), out.value);
  resolve_directories(out.value, environment);
  resolve_files(out.value);
  check_together(out.value, load);
  if (given.check) out.what = action::check;
  if (given.print && out.problems.empty()) {
    out.what = action::print;
    out.text = print(out.value);
  }
  return out;
}

std::vector<problem> check_reload(const config& current, const config& fresh) {
  std::vector<problem> out;
  for (const auto& o : options()) {
    if (o.reloadable || o.show(current) == o.show(fresh)) continue;
    out.push_back({o.key, "reload", "this cannot change while kmuxd runs: restart it"});
  }
  return out;
}

environment_map current_environment() {
  environment_map out;
  for (char** each = ::environ; *each != nullptr; ++each) {
    const std::string text(*each);
    const auto equals = text.find('=');
    if (equals != std::string::npos) out[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return out;
}

synopsis kmuxd_synopsis() {
  flags unused;
  std::vector<std::vector<std::string>> words(options().size());
  CLI::App app;
  add_flags(app, unused, words);
  synopsis out = describe(app);
  for (auto& flag : out.flags) {
    const auto o = std::ranges::find(options(), flag.names.back(), &option::flag);
    if (o == options().end()) continue;
    if (const char* const name = value_name(*o)) flag.value = name;
    flag.choices = o->choices;
  }
  return out;
}

std::string options_as_markdown() {
  const config defaults;
  std::string out = "| key | flag | default | reload | meaning |\n|---|---|---|---|---|\n";
  for (const auto& o : options()) {
    out += "| `" + o.key + "` | `" + o.flag() + "` | `" + o.show(defaults) + "` | " +
           (o.reloadable ? "yes" : "no") + " | " + o.help + " |\n";
  }
  return out;
}

std::string options_as_comments() {
  return as_file([defaults = config()](const option& o) {
    return "# " + o.help + (o.reloadable ? "" : " (a change needs a restart)") + "\n#" + o.name() +
           " = " + o.show(defaults) + "\n";
  });
}

}  // namespace kmux::config
