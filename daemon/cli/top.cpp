// kmux top: all kernels, live.
#include "daemon/cli/top.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/kernel_rows.hpp"
#include "daemon/cli/terminal.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

constexpr column percent = {"percent", "CPU%", false,
                            [](const kernel_row& r) {
                              return r.cpu_percent < 0 ? std::string("-")
                                                       : fmt::format("{:.1f}", r.cpu_percent);
                            },
                            [](const kernel_row& r) { return r.cpu_percent; }};

/// How each kernel's processor time has grown since the look before.
class cpu_meter {
public:
  void measure(std::vector<kernel_row>& rows) {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - last_;
    std::map<std::string, double> fresh;
    for (auto& each : rows) {
      const auto before = used_.find(each.kernel.id);
      if (each.used.processes > 0 && before != used_.end() && passed.count() > 0) {
        each.cpu_percent =
            std::max(0.0, 100 * (each.used.cpu_seconds - before->second) / passed.count());
      }
      if (each.used.processes > 0) fresh[each.kernel.id] = each.used.cpu_seconds;
    }
    used_ = std::move(fresh);
    last_ = now;
  }

private:
  std::map<std::string, double> used_;
  std::chrono::steady_clock::time_point last_{};
};

/// What the keys have chosen.
struct choice {
  char sort = 'c';
  bool help = false;
};

constexpr std::string_view keys =
    "c: by CPU  m: by memory  i: by idle time  a: by age  o: by owner  h: help  q: quit";

void sort_by(std::vector<kernel_row>& rows, char key) {
  if (key == 'c') {
    std::ranges::stable_sort(rows, std::greater(), &kernel_row::cpu_percent);
    return;
  }
  const char* const name = key == 'm' ? "-mem" : key == 'i' ? "idle" : key == 'o' ? "owner" : "age";
  (void)sort_rows(rows, name);  // a column that is there
}

std::string head_of(const session& s, const kernel_list& list,
                    const std::vector<kernel_row>& rows) {
  std::map<std::string, int> states;
  double bytes = 0, cpu = 0;
  for (const auto& each : rows) {
    ++states[each.kernel.state];
    bytes += static_cast<double>(each.used.memory);
    cpu += std::max(0.0, each.cpu_percent);
  }
  char time[16] = "";
  const auto now = std::time(nullptr);
  std::tm parts{};
  std::strftime(time, sizeof time, "%H:%M:%S", ::localtime_r(&now, &parts));
  std::string out = fmt::format("kmux top {}  {}{}\n{} kernels", time, s.daemon.where().name,
                                list.live ? "" : "  (no kmuxd answers)", rows.size());
  for (const auto& [state, count] : states)
    out += fmt::format(", {} {}", count, state);
  return out + fmt::format("; {:.0f} % CPU, {} memory\n\n", cpu, show_bytes(bytes));
}

std::string table_of(const std::vector<kernel_row>& rows) {
  std::vector<const column*> shown;
  for (const auto& each : kernel_columns()) {
    if (each.wide) continue;
    if (each.key == std::string_view("cpu")) shown.push_back(&percent);
    shown.push_back(&each);
  }
  return show_rows(rows, shown);
}

outcome<void> draw(const session& s, const choice& c, cpu_meter& meter) {
  const auto list = list_kernels(s);
  if (!list) return list.error();
  auto rows = rows_of(s, *list);
  meter.measure(rows);
  sort_by(rows, c.sort);
  full_screen::show(head_of(s, *list, rows) + (c.help ? std::string(keys) + "\n\n" : "") +
                    table_of(rows));
  return {};
}

}  // namespace

exit_code top(session& s) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    return explain({exit_code::usage, "kmux top needs a terminal.", "kmux ps --watch 2"});
  }
  const auto pause = duration_flag(s, "delay", 2s);
  if (!pause) return pause.error();
  choice c;
  cpu_meter meter;
  outcome<void> done;
  {
    const noted_signals stop(true);
    const full_screen screen;
    for (bool go_on = true; go_on;) {
      done = draw(s, c, meter);
      if (!done || noted_signals::take() != 0) break;
      const char key = full_screen::key(std::max<std::chrono::milliseconds>(*pause, 100ms));
      go_on = key != 'q' && noted_signals::take() == 0;
      if (std::string_view("cmiao").find(key) != std::string_view::npos && key != 0) c.sort = key;
      if (key == 'h' || key == '?') c.help = !c.help;
    }
  }
  return done ? exit_code::done : explain(done.error());
}

}  // namespace kmux::cli
