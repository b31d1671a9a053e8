// Commands that look at what runs.
#include <fmt/format.h>

#include "daemon/cli/command.hpp"
#include "daemon/cli/json_members.hpp"
#include "daemon/cli/kernel_channels.hpp"
#include "daemon/cli/kernels.hpp"
#include "daemon/cli/process_text.hpp"
#include "daemon/cli/terminal.hpp"
#include "daemon/cli/top.hpp"
#include "proc/process_doing.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;  ///< for a kernel that may have nothing to say

bool runs_here(const session& s) {
  return s.daemon.where().local();
}

failure elsewhere() {
  return {exit_code::usage, "Processes can be looked at on their own machine only.",
          "kmux describe ID"};
}

exit_code tree(session& s) {
  if (!runs_here(s)) return explain(elsewhere());
  const auto list = list_kernels(s);
  if (!list) return explain(list.error());
  std::vector<kernel_view> wanted;
  for (const auto& word : s.words) {
    const auto kernel = find_kernel(s, *list, word);
    if (!kernel) return explain(kernel.error());
    wanted.push_back(*kernel);
  }
  for (const auto& each : s.words.empty() ? list->all : wanted) {
    fmt::print("{} {} {} {}\n", painted(each.id, "1"), each.spec, each.owner, each.state);
    if (each.pid > 0) fmt::print("{}", process_tree(static_cast<pid_t>(each.pid)));
  }
  return exit_code::done;
}

void print_frames(const json::value& thread) {
  fmt::print("thread {} {}\n", integer_at(thread, "id"), text_at(thread, "name"));
  const auto* const frames = json::find(thread, "frames");
  if (frames == nullptr || !frames->IsArray()) return;
  for (const auto& each : frames->GetArray()) {
    fmt::print("    {}:{} in {}\n", without_controls(text_at(each, "file")),
               integer_at(each, "line"), without_controls(text_at(each, "function")));
  }
}

/// stack_reply's content; nothing where the kernel has none to give.
outcome<std::optional<std::string>> ask_stacks(const session& s, const kernel_view& kernel) {
  auto channels = kernel_channels::open(s.daemon, kernel.id,
                                        static_cast<std::uint64_t>(std::max<long>(kernel.seq, 0)));
  if (!channels) return channels.error();
  const auto asked = channels->send(channel::control, "stack_request", "{}");
  if (!asked) return asked.error();
  const auto until = clock::now() + patience;
  while (clock::now() < until) {
    const auto got = channels->receive(until);
    if (!got) return got.error();
    if (*got && (*got)->type == "stack_reply" && (*got)->parent_id == *asked) {
      channels->close();
      return std::optional((*got)->content);
    }
  }
  channels->close();
  return std::optional<std::string>();
}

/// Of a relay, its kernel's process.
pid_t interpreter_of(pid_t pid) {
  if (command_line_of(pid).find("kmux-child") == std::string::npos) return pid;
  const pid_t inner = first_child_of(pid);
  return inner > 0 ? inner : pid;
}

exit_code stack(session& s) {
  const auto list = list_kernels(s);
  if (!list) return explain(list.error());
  const auto kernel = find_kernel(s, *list, s.words.front());
  if (!kernel) return explain(kernel.error());
  if (kernel->pid <= 0) {
    return explain(
        {exit_code::failed, "That kernel has no process.", "kmux describe " + kernel->id});
  }
  std::optional<std::string> told;
  if (list->live) {
    auto got = ask_stacks(s, *kernel);
    if (!got) return explain(got.error());
    told = std::move(*got);
  }
  if (s.as_json()) return print_line(told.value_or("null"));
  if (told) {
    const auto reply = json::parse_object(*told, "the stacks");
    const auto* const threads = reply ? json::find(*reply, "threads") : nullptr;
    if (threads != nullptr && threads->IsArray()) {
      for (const auto& each : threads->GetArray())
        print_frames(each);
    }
  } else {
    fmt::print(stderr, "The kernel itself tells no stacks{}.\n",
               list->live ? ": it is none of kmux's, or something holds its interpreter's lock"
                          : " without kmuxd");
  }
  if (!runs_here(s)) return exit_code::done;
  const auto pid = interpreter_of(static_cast<pid_t>(kernel->pid));
  fmt::print("\nprocess {} {}\n{}", pid, without_controls(command_line_of(pid)),
             native_stacks(pid));
  if (s.has("native") && !print_debugger_stacks(pid)) {
    return explain({exit_code::failed, "Neither eu-stack nor gdb could tell its native stacks.",
                    "apt install elfutils; kmux as the kernel's user, or root"});
  }
  return exit_code::done;
}

constexpr flag stack_flags[] = {
    {"-n,--native", "", "ask eu-stack or gdb, too, which stops it for a moment"},
};
constexpr flag top_flags[] = {{"-d,--delay", "SECONDS", "between two looks; 2"}};

constexpr command table[] = {
    {"top", "", word_kind::none, 0, 0, "all kernels, live, over the whole screen",
     "  kmux top -d 1\n"
     "  keys: c m i a o sort by CPU, memory, idle time, age, owner; h help; q quit",
     top_flags, top},
    {"tree",
     "[ID…]",
     word_kind::kernel,
     0,
     any_number,
     "the processes of kernels",
     "  kmux tree\n"
     "  kmux tree @last",
     {},
     tree},
    {"stack", "ID", word_kind::kernel, 1, 1,
     "what a kernel is doing: Python's stacks, and what its threads wait in",
     "  kmux stack @last\n"
     "  kmux stack 3f2a --native",
     stack_flags, stack},
};

}  // namespace

std::span<const command> watching() {
  return table;
}

}  // namespace kmux::cli
