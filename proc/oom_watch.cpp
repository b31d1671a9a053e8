#include "proc/oom_watch.hpp"

#include <fstream>
#include <string_view>

namespace kmux {
namespace {

/// The number after "oom_kill " in memory.events or /proc/vmstat.
std::optional<std::uint64_t> kills_in(const std::string& file) {
  std::ifstream in(file);
  std::string name;
  std::uint64_t count = 0;
  while (in >> name >> count) {
    if (name == "oom_kill") return count;
  }
  return std::nullopt;
}

/// The line "0::/path" of /proc/PID/cgroup, cgroups(7).
std::string events_file_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/cgroup");
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("0::/")) return "/sys/fs/cgroup" + line.substr(3) + "/memory.events";
  }
  return {};
}

}  // namespace

oom_watch::oom_watch(pid_t pid) : file_(events_file_of(pid)) {
  begin();
}

oom_watch oom_watch::of_cgroup(const std::string& directory) {
  oom_watch out;
  out.file_ = directory + "/memory.events";
  out.begin();
  return out;
}

void oom_watch::begin() {
  before_ = file_.empty() ? std::nullopt : kills_in(file_);
  if (before_) return;
  file_ = "/proc/vmstat";
  before_ = kills_in(file_);
}

bool oom_watch::struck() const {
  if (!before_) return false;
  const std::optional<std::uint64_t> after = kills_in(file_);
  return after && *after > *before_;
}

}  // namespace kmux
