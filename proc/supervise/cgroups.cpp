#include "proc/supervise/cgroups.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <linux/magic.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "proc/service_manager.hpp"
#include "proc/unique_fd.hpp"
#include "protocol/ids.hpp"

namespace kmux::supervise {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view daemon_leaf = "kmuxd";
constexpr std::string_view kernel_leaf = "kmux-";
constexpr const char* controllers[] = {"memory", "pids", "cpu"};
constexpr unsigned cpu_period = 100'000;  ///< µs

error system_error(const std::string& what) {
  const int number = errno;
  return {number == ENOENT ? errc::not_found : errc::io, what + ": " + std::strerror(number)};
}

/// One write(2), as files of a cgroup want it. A cgroup has its files already: the flags change
/// nothing there.
result<void> put(const std::string& file, const std::string& text) {
  const unique_fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return system_error("cannot write " + text + " to " + file);
  }
  return {};
}

std::vector<std::string> words_of(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    out.push_back(std::move(word));
  return out;
}

/// The line "0::/path" of /proc/PID/cgroup, cgroups(7).
std::string path_of(const std::string& pid) {
  std::ifstream in("/proc/" + pid + "/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return {};
}

/// Where cgroup2 is mounted, and which of its directories is seen there: proc(5)'s mountinfo.
struct mount_point {
  std::string directory, root;
};

mount_point cgroup2_mount() {
  std::ifstream in("/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    const auto dash = line.find(" - cgroup2 ");
    if (dash == std::string::npos) continue;
    std::istringstream fields(line);
    std::string skipped;
    mount_point out;
    if (fields >> skipped >> skipped >> skipped >> out.root >> out.directory) return out;
  }
  return {};
}

/// The directory of a process's cgroup; empty where it cannot be seen.
std::string directory_of(const std::string& pid) {
  const auto mount = cgroup2_mount();
  std::string path = path_of(pid);
  if (mount.directory.empty() || path.empty()) return {};
  if (mount.root != "/") {
    if (!path.starts_with(mount.root)) return {};
    path.erase(0, mount.root.size());
  }
  return path == "/" || path.empty() ? mount.directory : mount.directory + path;
}

bool is_cgroup(const std::string& directory) {
  struct statfs about {};
  return ::statfs(directory.c_str(), &about) == 0 && about.f_type == CGROUP2_SUPER_MAGIC;
}

bool same_directory(const std::string& a, const std::string& b) {
  std::error_code unknown;
  return fs::equivalent(a, b, unknown);
}

}  // namespace

result<cgroups> cgroups::open(const std::string& place) {
  if (place == "off") return cgroups();
  std::string own = directory_of("self");
  // A service manager may have put us into the leaf already (systemd's DelegateSubgroup=kmuxd).
  const bool in_leaf = fs::path(own).filename() == daemon_leaf;
  if (in_leaf) own = fs::path(own).parent_path().string();
  if (place != "auto") {
    if (!is_cgroup(place)) {
      return error{errc::bad_field, "kernels.cgroup: " + place +
                                        " is no directory on cgroup2. Write auto, off, or a path "
                                        "such as /sys/fs/cgroup/kmux"};
    }
    return divide(place, !in_leaf && same_directory(own, place));
  }
  if (own.empty()) return error{errc::not_found, "the daemon is in no cgroup on cgroup2"};
  // The root of all has none: it is the system's, never delegated.
  if (::access((own + "/cgroup.type").c_str(), F_OK) != 0) {
    return error{errc::not_found, "the daemon is in the root cgroup: start it as a service"};
  }
  // systemd starts a service in the service's own cgroup, which fails once that limits others: with
  // kernels in there it would start no more. From version 254 it can start us in the leaf.
  if (!in_leaf && started_by_systemd()) return share(own);
  return divide(own, !in_leaf);
}

result<cgroups> cgroups::share(const std::string& directory) {
  auto out = check(directory);
  if (out) out->missing_.assign(std::begin(controllers), std::end(controllers));
  return out;
}

result<cgroups> cgroups::check(const std::string& directory) {
  if (::access(directory.c_str(), W_OK) != 0 ||
      ::access((directory + "/cgroup.procs").c_str(), W_OK) != 0) {
    return error{errc::io, directory +
                               " is not the daemon's to write: delegate it (in systemd's "
                               "unit: Delegate=yes)"};
  }
  cgroups out;
  out.place_ = directory;
  return out;
}

result<cgroups> cgroups::divide(const std::string& directory, bool move) {
  auto checked = check(directory);
  if (!checked) return checked;
  cgroups& out = *checked;
  if (move) {
    const std::string leaf = directory + "/" + std::string(daemon_leaf);
    if (::mkdir(leaf.c_str(), 0755) != 0 && errno != EEXIST) {
      return system_error("cannot make " + leaf);
    }
    if (auto moved = add(leaf, ::getpid()); !moved) return moved.error();
  }
  const auto there = words_of(directory + "/cgroup.controllers");
  const auto enabled = words_of(directory + "/cgroup.subtree_control");
  for (const std::string each : controllers) {
    if (std::find(enabled.begin(), enabled.end(), each) != enabled.end()) continue;
    if (std::find(there.begin(), there.end(), each) == there.end() ||
        !put(directory + "/cgroup.subtree_control", "+" + each)) {
      out.missing_.push_back(each);
    }
  }
  return checked;
}

result<std::string> cgroups::create(std::string_view id, const cgroup_limits& limits) const {
  if (!is_valid_id(id)) return error{errc::bad_field, "that is no kernel id"};
  const std::string path = place_ + "/" + std::string(kernel_leaf) + std::string(id);
  (void)remove(path);  // else it holds what would not end, and is used again
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return system_error("cannot make " + path);
  }
  const auto set = [&](const char* controller, const char* file,
                       const std::string& value) -> result<void> {
    // What cannot be limited here was said when the daemon began.
    if (std::find(missing_.begin(), missing_.end(), controller) != missing_.end()) return {};
    return put(path + "/" + file, value);
  };
  result<void> done;
  if (limits.memory > 0) {
    done = set("memory", "memory.max", std::to_string(limits.memory));
    // All of it, and not the process that happens to be the largest: half a kernel is none.
    if (done) done = set("memory", "memory.oom.group", "1");
  }
  if (done && limits.processes > 0) {
    done = set("pids", "pids.max", std::to_string(limits.processes));
  }
  if (done && limits.cpus > 0) {
    const auto quota = static_cast<std::uint64_t>(limits.cpus) * cpu_period / 1000;
    done = set("cpu", "cpu.max", std::to_string(quota) + " " + std::to_string(cpu_period));
  }
  if (done) return path;
  (void)remove(path);
  return done.error();
}

result<void> cgroups::add(const std::string& path, pid_t pid) {
  return put(path + "/cgroup.procs", std::to_string(pid));
}

std::uint64_t cgroups::memory_limit(const std::string& path) {
  std::ifstream in(path + "/memory.max");
  std::uint64_t most = 0;
  return in >> most ? most : 0;  // "max" is none
}

bool cgroups::contains(const std::string& path, pid_t pid) {
  const std::string found = directory_of(std::to_string(pid));
  return !found.empty() && (found == path || found.starts_with(path + "/"));
}

bool cgroups::is_of(const std::string& path, std::string_view id) {
  const std::string name = fs::path(path).filename().string();
  const std::string leaf = std::string(kernel_leaf) + std::string(id);
  // kmux-ID-PID.scope is kmux-spawn's; no id ends with a dash.
  return !path.empty() && path.front() == '/' &&
         (name == leaf || (name.starts_with(leaf + "-") && name.ends_with(".scope")));
}

result<void> cgroups::remove(const std::string& path) {
  std::error_code failed;
  for (fs::directory_iterator entry(path, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    std::error_code unknown;
    if (!fs::is_directory(entry->symlink_status(unknown))) continue;
    if (auto removed = remove(entry->path().string()); !removed) return removed;
  }
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  return system_error("cannot remove " + path);
}

}  // namespace kmux::supervise
