// kmux ps.
#include "daemon/cli/ps.hpp"

#include <algorithm>
#include <cstdio>
#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/kernel_rows.hpp"
#include "daemon/cli/terminal.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

std::vector<std::string> filters_of(const session& s) {
  const auto found = s.flags.find("filter");
  return found == s.flags.end() ? std::vector<std::string>() : found->second;
}

std::string as_text(const session& s, const std::vector<kernel_row>& rows) {
  std::string out;
  if (s.output == format::name) {
    for (const auto& each : rows)
      out += each.kernel.id + "\n";
    return out;
  }
  if (s.output == format::json) {
    for (const auto& each : rows)
      out += (out.empty() ? "" : ", ") + each.kernel.model;
    return "[" + out + "]\n";
  }
  std::vector<const column*> shown;
  for (const auto& each : kernel_columns()) {
    if (!each.wide || s.output == format::wide) shown.push_back(&each);
  }
  return show_rows(rows, shown);
}

outcome<std::string> list(const session& s) {
  const auto kernels = list_kernels(s);
  if (!kernels) return kernels.error();
  if (s.as_json() && !s.has("filter") && !s.has("sort")) return kernels->json + "\n";
  auto rows = rows_of(s, *kernels);
  if (const auto kept = filter_rows(rows, filters_of(s)); !kept) return kept.error();
  if (const auto sorted = sort_rows(rows, s.value("sort")); !sorted) return sorted.error();
  return as_text(s, rows);
}

/// Again and again, until a signal.
exit_code watch(const session& s, std::chrono::milliseconds pause) {
  const bool clear = ::isatty(STDOUT_FILENO) != 0;
  const noted_signals stop(true);
  while (noted_signals::take() == 0) {
    const auto text = list(s);
    if (!text) return explain(text.error());
    fmt::print("{}{}{}", clear ? "\x1b[H\x1b[2J" : "", *text, clear ? "" : "\n");
    if (std::fflush(stdout) != 0) return exit_code::failed;
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
  return exit_code::done;
}

}  // namespace

exit_code ps(session& s) {
  if (s.has("watch")) {
    const auto pause = duration_flag(s, "watch", 2s);
    if (!pause) return pause.error();
    return watch(s, std::max<std::chrono::milliseconds>(*pause, 100ms));
  }
  const auto text = list(s);
  if (!text) return explain(text.error());
  fmt::print("{}", *text);
  return exit_code::done;
}

}  // namespace kmux::cli
