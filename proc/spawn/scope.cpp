#include "proc/spawn/scope.hpp"

#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>

#include <systemd/sd-bus.h>

namespace kmux::spawn {
namespace {

constexpr auto manager = "org.freedesktop.systemd1";
constexpr auto manager_path = "/org/freedesktop/systemd1";
constexpr auto manager_interface = "org.freedesktop.systemd1.Manager";
constexpr std::uint64_t patience_us = 10'000'000;

struct closer {
  void operator()(sd_bus* b) const noexcept { ::sd_bus_flush_close_unref(b); }
  void operator()(sd_bus_message* m) const noexcept { ::sd_bus_message_unref(m); }
};
using bus = std::unique_ptr<sd_bus, closer>;
using message = std::unique_ptr<sd_bus_message, closer>;

struct bus_error {
  sd_bus_error it{};  // SD_BUS_ERROR_NULL, which is C
  ~bus_error() { ::sd_bus_error_free(&it); }
};

error failed(const std::string& what, int number, const sd_bus_error* why = nullptr) {
  const char* const text = why != nullptr ? why->message : nullptr;
  return {errc::io, what + ": " + (text != nullptr ? text : std::strerror(-number))};
}

std::string name_of(std::string_view kernel_id, pid_t leader) {
  return "kmux-" + std::string(kernel_id) + "-" + std::to_string(leader) + ".scope";
}

result<bus> open_bus() {
  sd_bus* raw = nullptr;
  const int r = ::sd_bus_open_system(&raw);
  bus out(raw);
  if (r < 0) return failed("scopes need systemd and its bus", r);
  return out;
}

/// Between SIGTERM and SIGKILL where the host shuts down, or somebody stops the slice: no kernel
/// holds that up for systemd's 90 s.
constexpr std::uint64_t stop_us = 10'000'000;

/// Of the property that limits it.
std::uint64_t or_infinity(std::uint64_t most) {
  return most > 0 ? most : UINT64_MAX;
}

int add_properties(sd_bus_message* m, const spawn_request& r, pid_t pid, const settings& s) {
  const std::string what = "Kernel " + r.kernel_id + " of " + r.user;
  // Thousandths of a processor as µs of each second.
  const auto quota = or_infinity(std::uint64_t{r.cpus} * 1000);
  return ::sd_bus_message_append(
      m, "ssa(sv)a(sa(sv))", name_of(r.kernel_id, pid).c_str(), "fail", 8, "Description", "s",
      what.c_str(), "Slice", "s", s.slice.c_str(), "CollectMode", "s", "inactive-or-failed", "PIDs",
      "au", 1, static_cast<std::uint32_t>(pid), "MemoryMax", "t", or_infinity(r.memory), "TasksMax",
      "t", or_infinity(r.processes), "CPUQuotaPerSecUSec", "t", quota, "TimeoutStopUSec", "t",
      stop_us, 0);
}

struct job {
  std::string path, how;
};

int on_removed(sd_bus_message* m, void* data, sd_bus_error*) {
  auto& wanted = *static_cast<job*>(data);
  std::uint32_t id = 0;
  const char *path = nullptr, *unit = nullptr, *how = nullptr;
  if (::sd_bus_message_read(m, "uoss", &id, &path, &unit, &how) >= 0 && wanted.path == path) {
    wanted.how = how;
  }
  return 0;
}

result<void> wait_for(sd_bus* b, const job& started) {
  while (started.how.empty()) {
    int r = ::sd_bus_process(b, nullptr);
    if (r == 0) r = ::sd_bus_wait(b, patience_us);
    if (r < 0) return failed("the bus", r);
    if (r == 0) return error{errc::io, "systemd did not make a scope within 10 s"};
  }
  if (started.how == "done") return {};
  return error{errc::io, "systemd could not make a scope: " + started.how};
}

/// Of the line "0::/path" in /proc/PID/cgroup.
std::string cgroup_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0::/")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return {};
}

}  // namespace

result<std::string> enter_scope(const spawn_request& r, pid_t pid, const settings& s) {
  const auto b = open_bus();
  if (!b) return b.error();
  job started;
  // Before the call: the job may be over as soon as that is answered.
  int e = ::sd_bus_match_signal(b->get(), nullptr, manager, manager_path, manager_interface,
                                "JobRemoved", on_removed, &started);
  sd_bus_message* raw = nullptr;
  if (e >= 0) {
    e = ::sd_bus_message_new_method_call(b->get(), &raw, manager, manager_path, manager_interface,
                                         "StartTransientUnit");
  }
  const message call(raw);
  if (e >= 0) e = add_properties(call.get(), r, pid, s);
  if (e < 0) return failed("the bus", e);
  bus_error why;
  sd_bus_message* answered = nullptr;
  e = ::sd_bus_call(b->get(), call.get(), patience_us, &why.it, &answered);
  const message answer(answered);
  const char* path = nullptr;
  if (e >= 0) e = ::sd_bus_message_read(answer.get(), "o", &path);
  if (e < 0) return failed("systemd makes no scope", e, &why.it);
  started.path = path;
  if (auto done = wait_for(b->get(), started); !done) return done.error();
  return cgroup_of(pid);
}

result<void> kill_scope(std::string_view kernel_id, pid_t leader) {
  const auto b = open_bus();
  if (!b) return b.error();
  bus_error why;
  const int e =
      ::sd_bus_call_method(b->get(), manager, manager_path, manager_interface, "KillUnit", &why.it,
                           nullptr, "ssi", name_of(kernel_id, leader).c_str(), "all", SIGKILL);
  if (e >= 0 || ::sd_bus_error_has_name(&why.it, "org.freedesktop.systemd1.NoSuchUnit")) return {};
  return failed("systemd does not end the scope", e, &why.it);
}

}  // namespace kmux::spawn
