#include "daemon/cli/process_text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "daemon/cli/table.hpp"
#include "daemon/cli/terminal.hpp"
#include "proc/process_table.hpp"

namespace kmux::cli {

namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string first_line(const std::string& path) {
  const auto text = text_of(path);
  return text.substr(0, text.find('\n'));
}

void add_tree(const process_table& all, const process_entry& each, const std::string& indent,
              const std::string& branch, std::string& out) {
  static const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  static const auto tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  out += fmt::format("{}{} {} {} {} {}\n", indent + branch, each.pid, each.state,
                     show_cpu(static_cast<double>(each.cpu_ticks) / tick),
                     show_bytes(static_cast<double>(each.resident_pages) * page),
                     without_controls(command_line_of(each.pid)));
  auto children = all.children(each.pid);
  std::ranges::sort(children, {}, &process_entry::pid);
  const std::string below = indent + (branch.empty() ? "" : branch == "└─ " ? "   " : "│  ");
  for (const auto* const child : children) {
    add_tree(all, *child, below, child == children.back() ? "└─ " : "├─ ", out);
  }
}

}  // namespace

std::string command_line_of(pid_t pid) {
  auto text = text_of(fmt::format("/proc/{}/cmdline", pid));
  if (text.empty()) return "[" + first_line(fmt::format("/proc/{}/comm", pid)) + "]";
  while (text.ends_with('\0'))
    text.pop_back();
  std::ranges::replace(text, '\0', ' ');
  return text;
}

std::string process_tree(pid_t pid) {
  const auto all = process_table::read();
  std::string out;
  if (const auto* const first = all.find(pid)) add_tree(all, *first, "", "", out);
  return out;
}

bool print_debugger_stacks(pid_t pid) {
  const std::string number = fmt::to_string(pid);
  const std::vector<std::vector<const char*>> programs = {
      {"eu-stack", "-p", number.c_str(), nullptr},
      // Nothing that its user has configured, and nothing that the process brings along.
      {"gdb", "-nx", "-iex", "set auto-load off", "-batch", "-ex", "thread apply all backtrace",
       "-p", number.c_str(), nullptr}};
  std::fflush(stdout);
  for (const auto& words : programs) {
    pid_t child = -1;
    int status = -1;
    if (::posix_spawnp(&child, words.front(), nullptr, nullptr,
                       const_cast<char* const*>(words.data()), ::environ) != 0) {
      continue;
    }
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  }
  return false;
}

std::string native_stacks(pid_t pid) {
  std::error_code ec;
  std::vector<pid_t> threads;
  for (const auto& each : fs::directory_iterator(fmt::format("/proc/{}/task", pid), ec))
    threads.push_back(static_cast<pid_t>(std::atol(each.path().filename().c_str())));
  std::ranges::sort(threads);
  std::string out;
  for (const auto thread : threads) {
    const auto directory = fmt::format("/proc/{}/task/{}/", pid, thread);
    const auto now = parse_stat(text_of(directory + "stat"));
    const auto waits = first_line(directory + "wchan");
    const auto call = first_line(directory + "syscall");
    out += fmt::format("thread {} {} state {}", thread, first_line(directory + "comm"),
                       now ? now->state : '?');
    if (!waits.empty() && waits != "0") out += ", waits in " + waits;
    if (!call.empty()) {
      out += call.starts_with("running") ? ", running"
                                         : ", system call " + call.substr(0, call.find(' '));
    }
    out += "\n";
    std::istringstream stack(text_of(directory + "stack"));
    for (std::string line; std::getline(stack, line);)
      out += "    " + line + "\n";
  }
  return out;
}

}  // namespace kmux::cli
