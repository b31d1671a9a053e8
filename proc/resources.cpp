#include "proc/resources.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace kmux {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 100'000;
constexpr std::size_t most_processes = 1000;
constexpr std::size_t name_width = 26;  ///< of a line in /proc/PID/limits

constexpr std::array<std::pair<std::string_view, const char*>, 6> limit_names = {
    {{"Max cpu time", "cpu"},
     {"Max file size", "file_size"},
     {"Max data size", "memory"},
     {"Max core file size", "core"},
     {"Max processes", "processes"},
     {"Max open files", "files"}}};

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<std::uint64_t> number_at(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc() ? std::optional(out) : std::nullopt;
}

template <class T>
std::string or_null(const std::optional<T>& value) {
  return value ? fmt::to_string(*value) : "null";
}

/// proc(5)'s children are those of a thread.
std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> out;
  std::error_code ec;
  for (fs::directory_iterator at(fmt::format("/proc/{}/task", pid), ec);
       !ec && at != fs::directory_iterator(); at.increment(ec)) {
    std::ifstream children(at->path() / "children");
    for (pid_t child = 0; children >> child;)
      out.push_back(child);
  }
  return out;
}

std::optional<std::size_t> descriptors_of(const std::vector<process_entry>& processes) {
  std::size_t out = 0;
  for (const auto& each : processes) {
    std::error_code ec;
    for (fs::directory_iterator at(fmt::format("/proc/{}/fd", each.pid), ec);
         !ec && at != fs::directory_iterator(); at.increment(ec)) {
      ++out;
    }
    if (ec && ec != std::errc::no_such_file_or_directory) return std::nullopt;  // it has not ended
  }
  return out;
}

/// What they take on the disk, and not how long they are.
std::uint64_t disk_of(const std::vector<std::string>& directories) {
  std::uint64_t out = 0;
  std::size_t files = 0;
  for (const auto& directory : directories) {
    std::error_code ec;
    for (fs::recursive_directory_iterator at(directory, ec);
         !ec && at != fs::recursive_directory_iterator() && ++files <= most_files;
         at.increment(ec)) {
      struct stat about {};
      if (::lstat(at->path().c_str(), &about) == 0)
        out += 512 * static_cast<std::uint64_t>(about.st_blocks);
    }
  }
  return out;
}

/// cgroups(7): "max" where there is no limit, or that controller is not there.
std::string cgroup_limits_json(const std::string& cgroup) {
  if (cgroup.empty()) return "null";
  const auto limit = [&](const char* file) { return number_at(text_of(cgroup + "/" + file)); };
  const std::string cpu = text_of(cgroup + "/cpu.max");
  const auto quota = number_at(cpu);
  const auto period = number_at(std::string_view(cpu).substr(std::min(cpu.find(' '), cpu.size())));
  std::optional<double> cpus;
  if (quota && period && *period > 0)
    cpus = static_cast<double>(*quota) / static_cast<double>(*period);
  return fmt::format(R"({{"memory": {}, "processes": {}, "cpus": {}}})",
                     or_null(limit("memory.max")), or_null(limit("pids.max")), or_null(cpus));
}

std::string limits_json(pid_t pid, const std::string& cgroup) {
  const auto limits = parse_limits(text_of(fmt::format("/proc/{}/limits", pid)));
  std::string out = "{";
  for (const auto& [line, name] : limit_names) {
    const auto found = limits.find(name);
    out += fmt::format(R"("{}": {}, )", name,
                       found == limits.end() ? "null" : fmt::to_string(found->second));
  }
  return out + "\"cgroup\": " + cgroup_limits_json(cgroup) + "}";
}

}  // namespace

std::vector<process_entry> tree_of(pid_t pid, const process_table& all) {
  std::vector<process_entry> out;
  if (const auto* const first = all.find(pid)) out.push_back(*first);
  for (std::size_t i = 0; i < out.size() && out.size() <= all.all().size(); ++i) {
    for (const auto* const child : all.children(out[i].pid))
      out.push_back(*child);
  }
  return out;
}

std::vector<process_entry> tree_of(pid_t pid) {
  std::vector<process_entry> out;
  if (const auto first = read_process(pid)) out.push_back(*first);
  for (std::size_t i = 0; i < out.size() && out.size() <= most_processes; ++i) {
    for (const pid_t child : children_of(out[i].pid)) {
      if (const auto found = read_process(child)) out.push_back(*found);
    }
  }
  return out;
}

process_usage usage_of(const std::vector<process_entry>& processes) {
  static const auto tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  process_usage out;
  for (const auto& each : processes) {
    ++out.processes;
    out.cpu_seconds += static_cast<double>(each.cpu_ticks) / tick;
    out.memory += each.resident_pages * page;
  }
  return out;
}

std::map<std::string, std::uint64_t> parse_limits(std::string_view text) {
  std::map<std::string, std::uint64_t> out;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    for (const auto& [begin, name] : limit_names) {
      if (!line.starts_with(begin) || line.size() < name_width) continue;
      if (const auto value = number_at(line.substr(name_width))) out[name] = *value;
    }
  }
  return out;
}

std::string resources_json(const resource_places& places) {
  auto processes = tree_of(places.leader.pid);
  const bool lives =
      !processes.empty() && processes.front().start_ticks == places.leader.start_ticks;
  if (!lives) processes.clear();
  const auto used = usage_of(processes);
  const auto limited =
      lives ? processes[places.relayed && processes.size() > 1 ? 1 : 0] : process_entry();
  const auto open = lives ? descriptors_of(processes) : std::nullopt;
  return fmt::format(
      R"("limits": {}, "usage": {{"processes": {}, "cpu_seconds": {:.2f}, "memory": {}, )"
      R"("disk": {}, "descriptors": {}}})",
      lives ? limits_json(limited.pid, places.cgroup) : "null", used.processes, used.cpu_seconds,
      used.memory, disk_of(places.directories), or_null(open));
}

}  // namespace kmux
