#include "daemon/cli/kernel_rows.hpp"

#include <algorithm>
#include <cmath>
#include <fnmatch.h>
#include <unistd.h>

#include <fmt/format.h>

#include "config/units.hpp"
#include "daemon/cli/terminal.hpp"

namespace kmux::cli {

namespace {

using row = const kernel_row&;

double cpu_of(row r) {
  return r.used.processes > 0 ? r.used.cpu_seconds : -1;
}

double memory_of(row r) {
  return r.used.processes > 0 ? static_cast<double>(r.used.memory) : -1;
}

constexpr column columns[] = {
    {"id", "ID", false, [](row r) { return r.kernel.id.substr(0, 8); }, nullptr},
    {"spec", "SPEC", false, [](row r) { return r.kernel.spec; }, nullptr},
    {"owner", "OWNER", false, [](row r) { return r.kernel.owner; }, nullptr},
    {"state", "STATE", false, [](row r) { return r.kernel.state; }, nullptr},
    {"age", "AGE", false, [](row r) { return show_age(seconds_since(r.kernel.started)); },
     [](row r) { return seconds_since(r.kernel.started); }},
    {"idle", "IDLE", false, [](row r) { return show_age(seconds_since(r.kernel.last_activity)); },
     [](row r) { return seconds_since(r.kernel.last_activity); }},
    {"clients", "CLIENTS", false, [](row r) { return show_count(r.kernel.connections); },
     [](row r) { return static_cast<double>(r.kernel.connections); }},
    {"cpu", "CPU", false, [](row r) { return show_cpu(cpu_of(r)); }, cpu_of},
    {"mem", "MEM", false, [](row r) { return show_bytes(memory_of(r)); }, memory_of},
    {"restarts", "RESTARTS", false, [](row r) { return show_count(r.kernel.restarts); },
     [](row r) { return static_cast<double>(r.kernel.restarts); }},
    {"pid", "PID", false, [](row r) { return show_count(r.kernel.pid); },
     [](row r) { return static_cast<double>(r.kernel.pid); }},
    {"seq", "MESSAGES", true, [](row r) { return show_count(r.kernel.seq); },
     [](row r) { return static_cast<double>(r.kernel.seq); }},
    {"journal", "JOURNAL", true, [](row r) { return r.kernel.journal; }, nullptr},
    {"heartbeat", "HEARTBEAT", true, [](row r) { return r.kernel.heartbeat; }, nullptr},
    {"pinned", "PINNED", true, [](row r) { return std::string(r.kernel.pinned ? "yes" : "no"); },
     nullptr},
    {"full", "FULL ID", true, [](row r) { return r.kernel.id; }, nullptr},
    {"reason", "", false, [](row r) { return r.kernel.reason; }, nullptr},
};

outcome<const column*> find_column(std::string_view key) {
  std::string known;
  for (const auto& each : columns) {
    if (key == each.key) return &each;
    known += (known.empty() ? "" : ", ") + std::string(each.key);
  }
  return failure{exit_code::usage, fmt::format("There is no column \"{}\": {}.", key, known),
                 "kmux ps --help"};
}

/// A number, a time in seconds, or a size in bytes; NaN where it is none.
double number_from(const std::string& text) {
  if (const auto time = config::parse_duration(text)) {
    return std::chrono::duration<double>(*time).count();
  }
  if (const auto size = config::parse_size(text)) return static_cast<double>(*size);
  return NAN;
}

std::string_view colour_of(std::string_view state) {
  if (state == "dead") return "31";
  if (state == "busy") return "33";
  if (state == "starting" || state == "restarting" || state == "terminating") return "36";
  return {};
}

}  // namespace

std::span<const column> kernel_columns() {
  return columns;
}

std::vector<kernel_row> rows_of(const session& s, const kernel_list& list) {
  std::vector<kernel_row> out;
  const bool here = s.daemon.where().local();
  const auto processes = here ? process_table::read() : process_table();
  for (const auto& each : list.all) {
    out.push_back({each, {}});
    if (here && each.pid > 0)
      out.back().used = usage_of(tree_of(static_cast<pid_t>(each.pid), processes));
  }
  return out;
}

outcome<void> filter_rows(std::vector<kernel_row>& rows, const std::vector<std::string>& filters) {
  for (const auto& filter : filters) {
    const auto at = filter.find_first_of("=!<>");
    const failure wrong{exit_code::usage,
                        fmt::format("\"{}\" is no filter: KEY=PATTERN, KEY!=PATTERN, KEY>VALUE or "
                                    "KEY<VALUE.",
                                    filter),
                        "kmux ps --help"};
    if (at == std::string::npos || (filter[at] == '!' && filter.substr(at, 2) != "!="))
      return wrong;
    const auto by = find_column(filter.substr(0, at));
    if (!by) return by.error();
    const column& c = **by;
    const char how = filter[at];
    const std::string value = filter.substr(at + (how == '!' ? 2 : 1));
    const double limit = number_from(value);
    if ((how == '<' || how == '>') && (c.number == nullptr || std::isnan(limit))) return wrong;
    std::erase_if(rows, [&](const kernel_row& r) {
      if (how == '>') return !(c.number(r) > limit);
      if (how == '<') return !(c.number(r) < limit);
      const std::string text = c.key == std::string_view("id") ? r.kernel.id : c.text(r);
      return (::fnmatch(value.c_str(), text.c_str(), 0) == 0) == (how == '!');
    });
  }
  return {};
}

outcome<void> sort_rows(std::vector<kernel_row>& rows, std::string key) {
  if (key.empty()) return {};
  const bool reverse = key.front() == '-';
  if (reverse) key.erase(0, 1);
  const auto by = find_column(key);
  if (!by) return by.error();
  const column& c = **by;
  std::ranges::stable_sort(rows, [&](const kernel_row& a, const kernel_row& b) {
    const auto& first = reverse ? b : a;
    const auto& second = reverse ? a : b;
    return c.number != nullptr ? c.number(first) < c.number(second)
                               : c.text(first) < c.text(second);
  });
  return {};
}

std::string show_rows(const std::vector<kernel_row>& rows, std::span<const column* const> shown) {
  table_rows out(1);
  for (const auto* const c : shown)
    out.front().emplace_back(c->title);
  for (const auto& r : rows) {
    out.emplace_back();
    for (const auto* const c : shown)
      out.back().push_back(c->text(r));
  }
  return as_table(out, [&](std::size_t line, std::size_t column, const std::string& cell) {
    if (line == 0) return painted(cell, "1");
    if (shown[column]->key != std::string_view("state")) return cell;
    const auto colour = colour_of(rows[line - 1].kernel.state);
    return colour.empty() ? cell : painted(cell, colour);
  });
}

}  // namespace kmux::cli
