#include "daemon/cli/doctor.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <pwd.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/configuration.hpp"
#include "daemon/cli/json_members.hpp"
#include "daemon/cli/kernels.hpp"
#include "daemon/cli/table.hpp"
#include "daemon/cli/terminal.hpp"
#include "daemon/version.hpp"
#include "proc/supervise/files.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

namespace {

using level = finding::level;
constexpr long descriptors_a_kernel = 7;  ///< five sockets, a pidfd, and one for its journal
constexpr long wanted_kernels = 200;
constexpr double little_space = 1024.0 * 1024 * 1024;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string user_of(uid_t uid) {
  const auto* const entry = ::getpwuid(uid);
  return entry == nullptr ? fmt::to_string(uid) : entry->pw_name;
}

/// kmuxd's pid, where it has left one; 0: none.
pid_t daemon_pid(const session& s) {
  const auto text = supervise::read_file(s.runtime_dir + "/listen.json");
  const auto listen = text ? json::parse_object(*text, "listen.json") : text.error();
  const auto pid = listen ? integer_at(*listen, "pid") : -1;
  return pid > 0 && ::access(fmt::format("/proc/{}", pid).c_str(), F_OK) == 0
             ? static_cast<pid_t>(pid)
             : 0;
}

finding look_at_daemon(const session& s) {
  const auto got = s.daemon.ask("GET", "api", {}, std::chrono::seconds(5));
  if (!got) {
    return {level::bad, "kmuxd", got.error().text,
            "systemctl status kmuxd; journalctl -u kmuxd -e; or start it: kmuxd"};
  }
  const auto about = json::parse_object(got->body, "the version");
  const auto version = about ? text_at(*about, "kmux_version") : std::string();
  if (version != daemon::kmux_version) {
    return {level::note, "versions",
            fmt::format("kmuxd is {}, kmux is {}.", version, daemon::kmux_version), "kmux upgrade"};
  }
  return {
      level::good, "kmuxd", fmt::format("{} answers at {}.", version, s.daemon.where().name), {}};
}

finding look_at_access(const session& s) {
  const auto got = s.daemon.ask("GET", "api/status", {}, std::chrono::seconds(5));
  if (!got || got->ok()) return {level::good, "access", "You may ask it.", {}};
  return {level::bad, "access", got->message(),
          "be kmuxd's own user or root, or give --url and --token-file"};
}

void look_at_kernels(const session& s, std::vector<finding>& out) {
  const auto list = list_kernels(s);
  if (!list) return;
  const auto count = [&](auto matches) { return std::ranges::count_if(list->all, matches); };
  const auto dead = count([](const kernel_view& k) { return k.state == "dead"; });
  const auto failing = count([](const kernel_view& k) { return k.journal == "failing"; });
  const auto silent = count([](const kernel_view& k) { return k.heartbeat == "silent"; });
  out.push_back({level::good, "kernels", fmt::format("{} in all.", list->all.size()), {}});
  if (dead > 0) {
    out.push_back({level::note, "kernels", fmt::format("{} dead.", dead),
                   "kmux ps --filter state=dead; kmux describe ID; kmux rm --all"});
  }
  if (failing > 0) {
    out.push_back({level::bad, "journals",
                   fmt::format("{} kernels cannot write their journals.", failing),
                   "make room on the state directory's disk: they go on by themselves"});
  }
  if (silent > 0) {
    out.push_back({level::bad, "heartbeats", fmt::format("{} kernels do not answer.", silent),
                   "kmux ps --filter heartbeat=silent -o wide; kmux stack ID"});
  }
}

/// "Max open files  1024  524288  files" of proc(5)'s limits: the hard one.
long hard_limit(const std::string& limits, std::string_view name) {
  const auto at = limits.find(name);
  if (at == std::string::npos) return -1;
  std::istringstream fields(limits.substr(at + name.size(), 60));
  std::string soft, hard;
  fields >> soft >> hard;
  return hard == "unlimited" ? -1 : std::atol(hard.c_str());
}

void look_at_limits(pid_t pid, std::vector<finding>& out) {
  const auto limits = text_of(pid > 0 ? fmt::format("/proc/{}/limits", pid) : "/proc/self/limits");
  const auto* const whose = pid > 0 ? "kmuxd" : "a kmuxd that is started here";
  const long files = hard_limit(limits, "Max open files");
  const long room = files < 0 ? wanted_kernels : (files - 100) / descriptors_a_kernel;
  out.push_back({room < wanted_kernels ? level::bad : level::good, "descriptors",
                 fmt::format("{} may have {}, which is enough for {} kernels or more.", whose,
                             files < 0 ? "any number" : fmt::to_string(files), room),
                 room < wanted_kernels ? "LimitNOFILE=524288 in the unit, or ulimit -Hn" : ""});
  const long processes = hard_limit(limits, "Max processes");
  const long pids = std::atol(text_of("/proc/sys/kernel/pid_max").c_str());
  const long least = processes < 0 ? pids : std::min(processes, pids);
  const bool few = least < 16 * wanted_kernels;  // an ipykernel has a dozen threads
  out.push_back({few ? level::bad : level::good, "processes",
                 fmt::format("pid_max is {}, the user's limit {}.", pids,
                             processes < 0 ? "none" : fmt::to_string(processes)),
                 few ? "sysctl kernel.pid_max=4194304; LimitNPROC and TasksMax in the unit" : ""});
}

void look_at_directory(const std::string& name, const std::string& path,
                       std::vector<finding>& out) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    out.push_back({level::note, name, fmt::format("{}: {}.", path, std::strerror(errno)),
                   "kmuxd makes it when it starts"});
    return;
  }
  if ((info.st_mode & 077) != 0) {
    out.push_back(
        {level::bad, name,
         fmt::format("{} has mode {:o}: others may look into it.", path, info.st_mode & 07777),
         "chmod 700 " + path});
  } else {
    out.push_back(
        {level::good, name, fmt::format("{} is {}'s alone.", path, user_of(info.st_uid)), {}});
  }
  struct statvfs disk {};
  if (::statvfs(path.c_str(), &disk) != 0) return;
  const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  const bool inodes = disk.f_files == 0 || disk.f_favail > 10'000;
  if (free < little_space || !inodes) {
    out.push_back(
        {free < little_space / 16 || !inodes ? level::bad : level::note, name,
         fmt::format("{} has {} and {} inodes left.", path, show_bytes(free), disk.f_favail),
         "make room; kmux rm --all removes what dead kernels have left"});
  }
}

/// Where kmuxd is, as cgroup v2 has it: "0::/system.slice/kmuxd.service".
void look_at_cgroup(const config::config& c, pid_t pid, std::vector<finding>& out) {
  if (c.kernels.cgroup == "off") {
    out.push_back({level::note, "cgroups", "kernels.cgroup is off: limits hold for each process.",
                   "kernels.cgroup = \"auto\""});
    return;
  }
  const auto where = text_of(pid > 0 ? fmt::format("/proc/{}/cgroup", pid) : "/proc/self/cgroup");
  const auto at = where.find("0::");
  const auto path =
      at == std::string::npos ? std::string() : where.substr(at + 3, where.find('\n', at) - at - 3);
  const auto directory = "/sys/fs/cgroup" + path;
  const auto controllers = text_of(directory + "/cgroup.controllers");
  std::string missing;
  for (const char* const each : {"memory", "pids", "cpu"}) {
    if (controllers.find(each) == std::string::npos) missing += std::string(" ") + each;
  }
  if (path.empty() || ::access(directory.c_str(), W_OK) != 0 || !missing.empty()) {
    out.push_back({level::note, "cgroups",
                   path.empty() ? std::string("There is no cgroup v2 here.")
                                : fmt::format("{}: not to be written to by us, or without{}.",
                                              directory, missing),
                   "Delegate=yes in the unit, and DelegateSubgroup=kmuxd from systemd 254 on"});
    return;
  }
  out.push_back({level::good, "cgroups", directory + " can be divided.", {}});
}

finding look_at_clock() {
  timex now{};
  if (::adjtimex(&now) == TIME_ERROR) {
    return {level::note, "clock", "The system's clock is not synchronized.",
            "timedatectl set-ntp true, or chrony"};
  }
  return {level::good, "clock", "synchronized.", {}};
}

void look_at_configuration(const config::load_result& loaded, std::vector<finding>& out) {
  for (const auto& each : loaded.problems) {
    out.push_back({level::bad, "configuration",
                   fmt::format("{}: {}: {}", each.origin, each.key, each.message),
                   "kmux config check"});
  }
  if (!loaded.problems.empty()) return;
  out.push_back({level::good,
                 "configuration",
                 loaded.file.empty() ? std::string("defaults: there is no file") : loaded.file,
                 {}});
}

std::string as_json(const std::vector<finding>& all) {
  std::string out;
  for (const auto& f : all) {
    out += fmt::format(R"({}{{"level": "{}", "what": {}, "text": {}, "mend": {}}})",
                       out.empty() ? "" : ", ",
                       f.how == level::good   ? "good"
                       : f.how == level::note ? "note"
                                              : "bad",
                       json_quote(f.what), json_quote(f.text), json_quote(f.mend));
  }
  return "[" + out + "]";
}

}  // namespace

std::vector<finding> examine(const session& s) {
  std::vector<finding> out = {look_at_daemon(s)};
  const bool answers = out.front().how != level::bad;
  if (answers) out.push_back(look_at_access(s));
  look_at_kernels(s, out);
  if (s.runtime_dir.empty()) return out;  // the rest is of this machine
  const auto loaded = load_configuration(s);
  const auto pid = daemon_pid(s);
  look_at_configuration(loaded, out);
  look_at_directory("runtime directory", s.runtime_dir, out);
  look_at_directory("state directory", s.state_dir, out);
  look_at_limits(pid, out);
  look_at_cgroup(loaded.value, pid, out);
  out.push_back(look_at_clock());
  return out;
}

std::string show_findings(const std::vector<finding>& all) {
  std::string out;
  for (const auto& f : all) {
    out += fmt::format("{}  {}: {}\n",
                       f.how == level::good   ? painted("ok  ", "32")
                       : f.how == level::note ? painted("note", "33")
                                              : painted("BAD ", "31"),
                       f.what, f.text);
    if (f.how != level::good && !f.mend.empty()) out += fmt::format("      mend: {}\n", f.mend);
  }
  return out;
}

exit_code doctor(session& s) {
  const auto all = examine(s);
  fmt::print("{}", s.as_json() ? as_json(all) + "\n" : show_findings(all));
  const bool bad = std::ranges::count(all, level::bad, &finding::how) > 0;
  return bad ? exit_code::failed : exit_code::done;
}

}  // namespace kmux::cli
