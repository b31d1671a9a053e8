#include "proc/child/usage.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "protocol/json.hpp"

namespace kmux::child {

namespace {

constexpr std::size_t most_processes = 1000;

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Us, our children, and theirs.
std::vector<pid_t> our_processes() {
  std::vector<pid_t> all = {::getpid()};
  for (std::size_t i = 0; i < all.size() && all.size() < most_processes; ++i) {
    // A process's first thread is listed as having all the children that others have left.
    std::istringstream children(first_line(fmt::format("/proc/{0}/task/{0}/children", all[i])));
    for (pid_t child = 0; children >> child;)
      all.push_back(child);
  }
  return all;
}

/// Fields 14 and 15 of proc(5)'s stat line: user and system time. 0 for a process that has gone.
std::uint64_t ticks_of(pid_t pid) {
  const std::string line = first_line("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    fields >> skipped;
  std::uint64_t user = 0, system = 0;
  fields >> user >> system;
  return user + system;
}

/// The KiB after "NAME:" in a file of such lines.
std::uint64_t kib_in(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name) && line[name.size()] == ':') {
      return std::stoull("0" + line.substr(line.find_first_of("0123456789", name.size())));
    }
  }
  return 0;
}

/// What is shared counts in parts, where the system tells them.
std::uint64_t bytes_of(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  const auto parts = kib_in(directory + "/smaps_rollup", "Pss");
  return 1024 * (parts != 0 ? parts : kib_in(directory + "/status", "VmRSS"));
}

std::string virtual_memory() {
  const auto bytes = [](std::string_view name) { return 1024 * kib_in("/proc/meminfo", name); };
  const auto total = bytes("MemTotal"), available = bytes("MemAvailable");
  const double percent =
      total == 0 ? 0 : 100.0 * static_cast<double>(total - available) / static_cast<double>(total);
  return fmt::format(
      R"({{"total": {}, "available": {}, "percent": {:.1f}, "used": {}, "free": {}, )"
      R"("buffers": {}, "cached": {}}})",
      total, available, percent, total - available, bytes("MemFree"), bytes("Buffers"),
      bytes("Cached"));
}

std::string of_runtime(const queue_times& requests, std::chrono::nanoseconds control_lag) {
  const auto seconds = [](std::chrono::nanoseconds d) {
    return std::chrono::duration<double>(d).count();
  };
  return fmt::format(R"({{"requests": {{"served": {}, "waiting": {}, "wait_seconds": {:.6f}, )"
                     R"("longest_wait_seconds": {:.6f}}}, "control_lag_seconds": {:.6f}}})",
                     requests.served, requests.waiting, seconds(requests.total),
                     seconds(requests.longest), seconds(control_lag));
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

usage::times usage::host_times() {
  std::istringstream fields(first_line("/proc/stat"));
  std::string cpu;
  fields >> cpu;
  times out;
  std::uint64_t value = 0;
  for (int field = 0; field < 8 && fields >> value; ++field) {
    out.total += value;
    if (field != 3 && field != 4) out.busy += value;  // neither idle nor waiting for a disk
  }
  return out;
}

std::string usage::reply(const queue_times& requests, std::chrono::nanoseconds control_lag) {
  const times host = host_times();
  std::uint64_t ticks = 0, memory = 0;
  for (const pid_t pid : our_processes()) {
    ticks += ticks_of(pid);
    memory += bytes_of(pid);
  }
  const auto cpus = std::max(1U, std::thread::hardware_concurrency());
  double ours = 0;
  std::string of_host;
  if (host_before_.total != 0 && host.total > host_before_.total) {
    const auto passed = static_cast<double>(host.total - host_before_.total);
    const auto used = ticks > processes_before_ ? ticks - processes_before_ : 0;
    ours = 100.0 * cpus * static_cast<double>(used) / passed;
    of_host = fmt::format(R"("host_cpu_percent": {:.1f}, )",
                          100.0 * static_cast<double>(host.busy - host_before_.busy) / passed);
  }
  host_before_ = host;
  processes_before_ = ticks;
  return fmt::format(
      R"({{"status": "ok", "hostname": {}, "pid": {}, "kernel_cpu": {:.1f}, "kernel_memory": {}, )"
      R"({}"cpu_count": {}, "host_virtual_memory": {}, "kmux": {}}})",
      json_quote(host_name()), ::getpid(), ours, memory, of_host, cpus, virtual_memory(),
      of_runtime(requests, control_lag));
}

}  // namespace kmux::child
