#include "proc/process_doing.hpp"

#include <fstream>
#include <iterator>

#include "proc/process_table.hpp"

namespace kmux {
namespace {

constexpr std::size_t most_text = 4096;

std::string text_of(pid_t pid, const char* file) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + file);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.resize(std::min(text.size(), most_text));
  while (text.ends_with('\n'))
    text.pop_back();
  return text;
}

}  // namespace

std::string process_doing::describe() const {
  std::string out = "pid " + std::to_string(pid) + ", state " + state;
  if (!wchan.empty()) out += ", in " + wchan;
  if (!syscall.empty()) out += syscall == "running" ? ", running" : ", system call " + syscall;
  return out;
}

process_doing look_at(pid_t pid) {
  process_doing out;
  const auto entry = read_process(pid);
  if (!entry) return out;
  out.pid = pid;
  out.state = entry->state;
  out.wchan = text_of(pid, "wchan");
  if (out.wchan == "0") out.wchan.clear();
  // After the number come arguments and addresses, which tell people nothing.
  const std::string call = text_of(pid, "syscall");
  out.syscall = call.substr(0, call.find(' '));
  out.stack = text_of(pid, "stack");
  return out;
}

pid_t first_child_of(pid_t parent) {
  const auto table = process_table::read();
  const process_entry* first = nullptr;
  for (const auto* const each : table.children(parent)) {
    if (each->ended) continue;
    if (first == nullptr || each->start_ticks < first->start_ticks) first = each;
  }
  return first == nullptr ? -1 : first->pid;
}

}  // namespace kmux
