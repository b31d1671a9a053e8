#include "daemon/cli/configuration.hpp"

#include <fmt/format.h>

#include "config/options.hpp"
#include "daemon/cli/table.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

namespace {

std::string origin_of(const config::load_result& loaded, const std::string& key) {
  const auto found = loaded.origins.find(key);
  return found == loaded.origins.end() ? "default" : found->second;
}

std::string as_json(const config::load_result& loaded, bool changed) {
  std::string out;
  for (const auto& each : config::options()) {
    const auto origin = origin_of(loaded, each.key);
    if (changed && origin == "default") continue;
    out +=
        fmt::format(R"({}{{"key": {}, "value": {}, "origin": {}}})", out.empty() ? "" : ", ",
                    json_quote(each.key), json_quote(each.show(loaded.value)), json_quote(origin));
  }
  return "[" + out + "]";
}

exit_code check(const config::load_result& loaded) {
  for (const auto& each : loaded.problems)
    fmt::print("{}: {}: {}\n", each.origin, each.key, each.message);
  if (!loaded.problems.empty()) {
    return explain({exit_code::failed, fmt::format("{} to mend.", loaded.problems.size()),
                    "kmux config show"});
  }
  fmt::print("The configuration is good{}.\n",
             loaded.file.empty() ? std::string(": there is no file, and so defaults")
                                 : ": " + loaded.file);
  return exit_code::done;
}

}  // namespace

config::load_result load_configuration(const session& s) {
  const char* words[] = {"kmuxd", "--config", s.config_file.c_str()};
  return config::load(s.config_file.empty() ? 1 : 3, words, config::current_environment());
}

std::string show_configuration(const config::load_result& loaded, bool changed) {
  const config::config defaults;
  table_rows rows = {{"KEY", "VALUE", "FROM"}};
  if (changed) rows.front().insert(rows.front().begin() + 2, "DEFAULT");
  for (const auto& each : config::options()) {
    const auto origin = origin_of(loaded, each.key);
    if (changed && origin == "default") continue;
    rows.push_back({each.key, each.show(loaded.value), origin});
    if (changed) rows.back().insert(rows.back().begin() + 2, each.show(defaults));
  }
  return as_table(rows);
}

exit_code configuration(session& s) {
  const auto loaded = load_configuration(s);
  const auto& what = s.words.front();
  if (what == "check") return check(loaded);
  if (what != "show" && what != "diff") {
    return explain({exit_code::usage, "config does show, check or diff.", "kmux config --help"});
  }
  const bool changed = what == "diff";
  if (s.as_json()) return print_line(as_json(loaded, changed));
  fmt::print("{}", show_configuration(loaded, changed));
  fmt::print(stderr, "{}\n",
             loaded.file.empty() ? "There is no configuration file here."
                                 : "From " + loaded.file + ", this environment and the defaults.");
  if (!loaded.problems.empty()) {
    return explain({exit_code::failed, fmt::format("{} to mend.", loaded.problems.size()),
                    "kmux config check"});
  }
  return exit_code::done;
}

}  // namespace kmux::cli
