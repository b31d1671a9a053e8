// Commands that change kernels.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/cli/command.hpp"
#include "daemon/cli/culling.hpp"
#include "daemon/cli/json_members.hpp"
#include "daemon/cli/starting.hpp"
#include "daemon/cli/waiting.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

exit_code start(session& s) {
  start_request wanted{s.words[0], s.value("name"), s.value("cwd"), {}};
  if (const auto given = s.flags.find("env"); given != s.flags.end()) wanted.env = given->second;
  const auto timeout = duration_flag(s, "timeout", 60s);
  if (!timeout) return timeout.error();
  auto kernel = start_kernel(s, wanted);
  if (!kernel) return explain(kernel.error());
  if (s.has("wait")) {
    kernel = wait_until_up(s, kernel->id, *timeout);
    if (!kernel) return explain(kernel.error());
  }
  return print_line(s.as_json() ? kernel->model : kernel->id);
}

/// The kernels that the words name; nothing where one of them names none, which has been said.
using kernels_or_exit = boost::system::result<std::vector<kernel_view>, exit_code>;
kernels_or_exit named_kernels(const session& s) {
  const auto list = list_kernels(s);
  if (!list) return explain(list.error());
  if (!list->live) {
    return explain({exit_code::unreachable,
                    "Without a kmuxd kernels can be looked at, and no more.", "kmux doctor"});
  }
  std::vector<kernel_view> out;
  for (const auto& word : s.words) {
    const auto kernel = find_kernel(s, *list, word);
    if (!kernel) return explain(kernel.error());
    out.push_back(*kernel);
  }
  return out;
}

std::string names_of(const std::vector<kernel_view>& kernels) {
  std::vector<std::string> out;
  for (const auto& each : kernels)
    out.push_back(fmt::format("{} ({}, {})", each.id.substr(0, 8), each.spec, each.state));
  return fmt::format("{}", fmt::join(out, ", "));
}

/// The same request for each; the first that fails decides what is returned.
exit_code for_each(const session& s, const std::vector<kernel_view>& kernels,
                   std::string_view method, const std::string& what, std::string_view said,
                   const std::string& body = {}) {
  auto out = exit_code::done;
  for (const auto& each : kernels) {
    const auto got = ask(s, method, "api/kernels/" + each.id + what, body);
    if (got) {
      fmt::print("{} {}\n", each.id, said);
    } else if (out == exit_code::done) {
      out = got.error();
    }
  }
  return out;
}

exit_code stop(session& s) {
  const auto kernels = named_kernels(s);
  if (!kernels) return kernels.error();
  if (!may(s, "Ends " + names_of(*kernels) + ", and what they hold in memory")) {
    return exit_code::refused;
  }
  return for_each(s, *kernels, "DELETE", "", "stopped");
}

exit_code restart(session& s) {
  const auto kernels = named_kernels(s);
  if (!kernels) return kernels.error();
  if (!may(s, "Starts anew " + names_of(*kernels) + ": what they hold in memory goes")) {
    return exit_code::refused;
  }
  return for_each(s, *kernels, "POST", "/restart", "restarted");
}

exit_code interrupt(session& s) {
  const auto kernels = named_kernels(s);
  if (!kernels) return kernels.error();
  const auto timeout = duration_flag(s, "timeout", 30s);
  if (!timeout) return timeout.error();
  if (!s.has("wait")) return for_each(s, *kernels, "POST", "/interrupt", "interrupted");
  for (const auto& each : *kernels) {
    const auto begun = std::chrono::steady_clock::now();
    const auto milliseconds = [&] {
      return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
          .count();
    };
    const auto sent = ask(s, "POST", "api/kernels/" + each.id + "/interrupt");
    if (!sent) return sent.error();
    const double delivered = milliseconds();
    const auto now = wait_for_kernel(s, each.id, each.id.substr(0, 8) + " is interrupted", *timeout,
                                     [](const kernel_view& k) { return k.state != "busy"; });
    if (!now) return explain(now.error());
    fmt::print("{} interrupted: delivered after {:.0f} ms, {} after {:.0f} ms\n", each.id,
               delivered, now->state, milliseconds());
  }
  return exit_code::done;
}

exit_code send_signal(session& s) {
  const std::string name = s.words.back();
  s.words.pop_back();
  const auto kernels = named_kernels(s);
  if (!kernels) return kernels.error();
  const bool number = name.find_first_not_of("0123456789") == std::string::npos;
  return for_each(s, *kernels, "POST", "/signal", "signalled",
                  fmt::format(R"({{"signal": {}}})", number ? name : json_quote(name)));
}

exit_code remove(session& s) {
  if (s.words.empty() != s.has("all")) {
    return explain({exit_code::usage, "Which ones? IDs, or --all for all that are dead.",
                    "kmux ps --filter state=dead"});
  }
  std::vector<kernel_view> wanted;
  if (s.has("all")) {
    const auto list = list_kernels(s);
    if (!list) return explain(list.error());
    std::ranges::copy_if(list->all, std::back_inserter(wanted),
                         [](const kernel_view& k) { return k.state == "dead"; });
    if (wanted.empty()) return exit_code::done;
  } else {
    const auto kernels = named_kernels(s);
    if (!kernels) return kernels.error();
    wanted = *kernels;
  }
  for (const auto& each : wanted) {
    if (each.state != "dead") {
      return explain({exit_code::refused,
                      fmt::format("{} is {}, and not dead.", each.id, each.state),
                      "kmux stop " + each.id});
    }
  }
  if (!may(s, "Removes what is left of " + names_of(wanted) + ": journals and logs")) {
    return exit_code::refused;
  }
  return for_each(s, wanted, "DELETE", "", "removed");
}

exit_code wait(session& s) {
  const std::string goal = s.has("for") ? s.value("for") : "idle";
  if (goal != "idle" && goal != "dead" && goal != "busy") {
    return explain({exit_code::usage, "--for is idle, busy or dead.", "kmux wait --help"});
  }
  const auto timeout = duration_flag(s, "timeout", 24h * 365);
  if (!timeout) return timeout.error();
  const auto kernels = named_kernels(s);
  if (!kernels) return kernels.error();
  for (const auto& each : *kernels) {
    const auto now = wait_for_kernel(
        s, each.id, fmt::format("{} is waited for until it is {}", each.id.substr(0, 8), goal),
        *timeout, [&](const kernel_view& k) {
          const bool ended = k.state == "dead" || k.state == "gone";
          return k.state == goal || ended;
        });
    if (!now) return explain(now.error());
    const bool ended = now->state == "dead" || now->state == "gone";
    if (ended && goal != "dead") {
      return explain({exit_code::failed, fmt::format("{} is {}.", each.id, now->state),
                      "kmux describe " + each.id.substr(0, 8)});
    }
    print_line(each.id + " " + now->state);
  }
  return exit_code::done;
}

exit_code pin(session& s) {
  const auto kernels = named_kernels(s);
  return kernels ? for_each(s, *kernels, "POST", "/pin", "pinned") : kernels.error();
}

exit_code unpin(session& s) {
  const auto kernels = named_kernels(s);
  return kernels ? for_each(s, *kernels, "DELETE", "/pin", "unpinned") : kernels.error();
}

exit_code kick(session& s) {
  for (const auto& id : s.words) {
    const auto got = s.daemon.ask("DELETE", "api/clients/" + id);
    if (!got) return explain(got.error());
    if (got->status == 404) {
      return explain({exit_code::not_found, "There is no client " + id + ".", "kmux clients"});
    }
    if (!got->ok()) return explain(*got);
    print_line(id + " disconnected");
  }
  return exit_code::done;
}

constexpr flag start_flags[] = {
    {"-n,--name", "NAME", "a session of that name has it; the same name again is the same kernel"},
    {"-e,--env", "NAME=VALUE", "a variable of its environment"},
    {"--cwd", "DIR", "its working directory"},
    {"-w,--wait", "", "until it answers"},
    {"-t,--timeout", "TIME", "with --wait: 60s"},
};
constexpr flag interrupt_flags[] = {
    {"-w,--wait", "", "until what ran has ended, and say how long that took"},
    {"-t,--timeout", "TIME", "with --wait: 30s"},
};
constexpr flag rm_flags[] = {{"-a,--all", "", "all that are dead"}};
constexpr flag wait_flags[] = {
    {"--for", "STATE", "idle, busy or dead; idle"},
    {"-t,--timeout", "TIME", "at the most"},
};

constexpr command table[] = {
    {"start", "SPEC", word_kind::spec, 1, 1, "start a kernel, and print its id",
     "  kmux start python3\n"
     "  kmux start python3 --name analysis --cwd /data --env OMP_NUM_THREADS=4 --wait",
     start_flags, start},
    {"stop",
     "ID…",
     word_kind::kernel,
     1,
     any_number,
     "end kernels",
     "  kmux stop 3f2a\n"
     "  kmux stop --yes analysis.ipynb",
     {},
     stop},
    {"interrupt", "ID…", word_kind::kernel, 1, any_number, "interrupt what kernels are doing",
     "  kmux interrupt @last\n"
     "  kmux interrupt 3f2a --wait --timeout 10s",
     interrupt_flags, interrupt},
    {"restart",
     "ID…",
     word_kind::kernel,
     1,
     any_number,
     "start kernels anew",
     "  kmux restart 3f2a",
     {},
     restart},
    {"signal",
     "ID… SIGNAL",
     word_kind::kernel,
     2,
     any_number,
     "send a signal to a kernel's processes",
     "  kmux signal 3f2a USR1",
     {},
     send_signal},
    {"wait", "ID…", word_kind::kernel, 1, any_number, "wait until kernels are idle or dead",
     "  kmux wait @last --for idle --timeout 10m", wait_flags, wait},
    {"rm", "[ID…]", word_kind::kernel, 0, any_number, "remove what dead kernels have left",
     "  kmux rm 3f2a\n"
     "  kmux rm --all",
     rm_flags, remove},
    {"cull", "", word_kind::none, 0, 0, "end kernels that nobody uses",
     "  kmux cull --dry-run\n"
     "  kmux cull --idle 8h --owner ann",
     cull_flags, cull},
    {"pin",
     "ID…",
     word_kind::kernel,
     1,
     any_number,
     "except kernels from culling",
     "  kmux pin 3f2a",
     {},
     pin},
    {"unpin",
     "ID…",
     word_kind::kernel,
     1,
     any_number,
     "cull them as others",
     "  kmux unpin 3f2a",
     {},
     unpin},
    {"kick",
     "CLIENT…",
     word_kind::client,
     1,
     any_number,
     "close a client's connection",
     "  kmux clients\n"
     "  kmux kick 12",
     {},
     kick},
};

}  // namespace

std::span<const command> doing() {
  return table;
}

}  // namespace kmux::cli
