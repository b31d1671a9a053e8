#include "daemon/cli/command.hpp"

#include <cstdio>
#include <iostream>
#include <unistd.h>

#include <fmt/format.h>

#include "config/units.hpp"

namespace kmux::cli {

std::string session::value(const std::string& name) const {
  const auto found = flags.find(name);
  return found == flags.end() || found->second.empty() ? "" : found->second.back();
}

std::span<const command_group> all_commands() {
  static const command_group groups[] = {
      {"See", seeing()}, {"Read", reading()}, {"Watch", watching()},
      {"Act", doing()},  {"Use", using_it()}, {"The daemon", serving()},
  };
  return groups;
}

exit_code explain(const failure& problem) {
  fmt::print(stderr, "kmux: {}\n", problem.text);
  if (!problem.next.empty()) fmt::print(stderr, "Try: {}\n", problem.next);
  return problem.code;
}

failure failure_of(const answer& got) {
  switch (got.status) {
    case 404:
      return {exit_code::not_found, got.message(), "kmux ps; kmux specs"};
    case 401:
    case 403:
      return {exit_code::refused, got.message(),
              "kmux as kmuxd's own user or root, or --url with --token-file"};
    case 409:
      return {exit_code::refused, got.message(), "kmux describe @last; kmux status"};
    case 503:
      return {exit_code::refused, got.message(), "kmux status; kmux undrain"};
    default:
      return {exit_code::failed, got.message()};
  }
}

exit_code explain(const answer& got) {
  return explain(failure_of(got));
}

body_or_exit ask(const session& s, std::string_view method, const std::string& path,
                 const std::string& body) {
  auto got = s.daemon.ask(method, path, body);
  if (!got) return explain(got.error());
  if (!got->ok()) return explain(*got);
  return std::move(got->body);
}

boost::system::result<std::chrono::milliseconds, exit_code> duration_flag(
    const session& s, const std::string& name, std::chrono::milliseconds otherwise) {
  if (!s.has(name)) return otherwise;
  if (const auto value = config::parse_duration(s.value(name))) return *value;
  return explain({exit_code::usage,
                  fmt::format("--{} \"{}\" is no time: 250ms, 30s, 5m or 1.5h, or a number of "
                              "seconds.",
                              name, s.value(name)),
                  "kmux --help"});
}

bool may(const session& s, const std::string& what) {
  if (s.yes || ::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) {
    fmt::print(stderr, "{}.\n", what);
    return true;
  }
  fmt::print(stderr, "{}. Go on? [y/N] ", what);
  std::string line;
  std::getline(std::cin, line);
  if (line == "y" || line == "Y" || line == "yes") return true;
  fmt::print(stderr, "Nothing was done.\n");
  return false;
}

exit_code print_line(std::string_view line) {
  fmt::print("{}\n", line);
  return exit_code::done;
}

}  // namespace kmux::cli
