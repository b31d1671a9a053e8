#include "daemon/system/log_line.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "protocol/json.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t longest_name = 32;

bool is_name(std::string_view key) {
  return !key.empty() && key.size() <= longest_name &&
         std::ranges::all_of(key, [](unsigned char c) { return c == '_' || std::isalnum(c) != 0; });
}

/// By what the event's name begins with; all others are the daemon's.
constexpr std::array<std::pair<std::string_view, std::string_view>, 26> subjects = {
    {{"kernel", "kernels"},
     {"signal_", "kernels"},
     {"heartbeat", "kernels"},
     {"cgroup", "kernels"},
     {"connection_file_lost", "kernels"},
     {"record_not_saved", "kernels"},
     {"summary_not_saved", "kernels"},
     {"cleanup_failed", "kernels"},
     {"leftovers_", "kernels"},
     {"adoption_failed", "kernels"},
     {"drain_", "kernels"},
     {"client_", "clients"},
     {"messages_lost", "clients"},
     {"message_not_text", "clients"},
     {"journal_", "journal"},
     {"cursors_", "journal"},
     {"request", "http"},
     {"accept_failed", "http"},
     {"listening", "http"},
     {"certificate_", "http"},
     {"access_", "auth"},
     {"token", "auth"},
     {"no_such_group", "auth"},
     {"audit_failed", "auth"},
     {"hub_", "hub"},
     {"activity_not_reported", "hub"}}};

}  // namespace

std::vector<std::pair<std::string_view, std::string_view>> fields_of(std::string_view line) {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  line = line.substr(0, line.find('"'));
  while (!line.empty()) {
    const auto space = line.find(' ');
    const auto word = line.substr(0, space);
    line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    const auto equals = word.find('=');
    if (equals == std::string_view::npos || equals + 1 == word.size()) continue;
    const auto name = word.substr(0, equals);
    const bool known =
        std::ranges::any_of(out, [&](const auto& each) { return each.first == name; });
    if (is_name(name) && !known) out.emplace_back(name, word.substr(equals + 1));
  }
  return out;
}

std::string_view subject_of(std::string_view line) {
  constexpr std::string_view first = "event=";
  if (!line.starts_with(first)) return "daemon";
  line.remove_prefix(first.size());
  for (const auto& [begin, subject] : subjects) {
    if (line.starts_with(begin)) return subject;
  }
  return "daemon";
}

std::string finish_line(std::string_view line, std::string_view trace) {
  std::string out(line);
  std::ranges::replace_if(
      out, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  if (!trace.empty())
    out.insert(std::min(out.find(' '), out.size()), fmt::format(" trace={}", trace));
  return out;
}

std::string json_line(std::string_view line, std::string_view level, std::string_view time) {
  auto out = fmt::format(R"({{"time": "{}", "level": "{}")", time, level);
  for (const auto& [name, value] : fields_of(line)) {
    if (name != "time" && name != "level" && name != "message")
      out += fmt::format(", \"{}\": {}", name, json_quote(value));
  }
  return out + ", \"message\": " + json_quote(line) + "}";
}

}  // namespace kmux::daemon
