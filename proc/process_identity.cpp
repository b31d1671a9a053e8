#include "proc/process_identity.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>

namespace kmux {
namespace {

/// Field 22 of proc(5)'s stat line. The name in field 2 may hold blanks and parentheses: count from
/// the last one.
bool parse_start_ticks(std::string_view stat, std::uint64_t& ticks) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return false;
  std::size_t at = name_end + 1;
  for (int field = 3; field <= 22; ++field) {
    at = stat.find(' ', at);
    if (at == std::string_view::npos) return false;
    ++at;
  }
  const std::size_t end = std::min(stat.find(' ', at), stat.size());
  const auto [stopped, code] = std::from_chars(stat.data() + at, stat.data() + end, ticks);
  return code == std::errc{} && stopped == stat.data() + end;
}

}  // namespace

result<process_identity> identify(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  // A stat line is one read(2): it is the process's of one moment.
  if (pid <= 0 || !std::getline(file, line)) {
    return error{errc::not_found, "there is no process " + std::to_string(pid)};
  }
  process_identity identity{pid, 0, current_boot_id()};
  if (!parse_start_ticks(line, identity.start_ticks)) {
    return error{errc::io, "cannot read the start time of process " + std::to_string(pid)};
  }
  return identity;
}

std::string current_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace kmux
