// What a kernel was and is, beside its messages: its summary, its cgroup, what it hangs in; and how
// its files go.
#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "daemon/clock.hpp"
#include "daemon/kernels/kernel.hpp"

namespace kmux::daemon {

/// For the next boot, whose runtime directory is empty.
void kernel::save_summary() {
  auto& s = summary_;
  s.id = id();
  s.kernelspec = record_.kernelspec;
  s.owner = record_.owner;
  s.path = record_.path;
  s.cwd = record_.cwd;
  s.created = record_.created;
  s.directory = services_.directories.kernel_runtime(id());
  s.exit = record_.last_exit;
  if (record_.process.pid > 0) {
    s.process = record_.process;
    s.ended.clear();
  } else if (s.ended.empty()) {
    s.ended = iso_now();
  }
  const auto saved =
      supervise::write_file(services_.directories.summary_file(id()), supervise::write_summary(s));
  if (!saved) {
    spdlog::error("event=summary_not_saved kernel={} error=\"{}\"", id(), saved.error().detail);
  }
}

/// There is a record, and its process has ended.
void kernel::adopt_dead() {
  const bool unseen = record_.process.pid > 0;
  if (unseen && record_.process.boot_id != current_boot_id()) {
    record_.last_exit.reset();
    dead_why_ = machine_started_again;
  } else if (unseen) {
    const auto noted = supervise::read_exit_file(record_.exit_file);
    if (!record_.last_exit || noted.how != exit_status::cause::unknown) record_.last_exit = noted;
  }
  record_.process = {};
  leave_cgroup();
  read_last_words();
  // First: once the record has no process any more, nobody writes the summary again.
  if (unseen) save_summary();
  save();
}

void kernel::adopt_lost(const supervise::summary& s, std::string why) {
  lost_ = true;
  summary_ = s;
  record_.last_exit = s.ended.empty() ? std::nullopt : s.exit;
  dead_why_ = std::move(why);
  stderr_tail_ = supervise::tail_of_file(services_.directories.stdio_log(id()));
  read_last_words();
}

/// Before it is let go: nothing that it starts is ever anywhere else.
result<void> kernel::enter_cgroup(const supervise::held_child& held) {
  record_.cgroup = held.cgroup();
  if (!record_.user.empty() || !services_.cgroups.on()) return {};
  auto made = services_.cgroups.create(id(), services_.settings.cgroup_limits);
  if (made) {
    const auto added = supervise::cgroups::add(*made, held.identity().pid);
    record_.cgroup = *made;
    if (added) return {};
    leave_cgroup();
    made = added.error();
  }
  return error{made.error().code, "The kernel's cgroup: " + made.error().detail +
                                      ". Mend it, or set kernels.cgroup to off."};
}

void kernel::leave_cgroup() {
  if (!record_.user.empty()) record_.cgroup.clear();  // systemd's, which removes it
  if (!supervise::cgroups::is_of(record_.cgroup, id())) return;
  if (const auto removed = supervise::cgroups::remove(record_.cgroup); !removed) {
    spdlog::warn("event=cgroup_not_removed kernel={} error=\"{}\"", id(), removed.error().detail);
  }
  record_.cgroup.clear();
}

/// Again each time that it is asked and does not answer: it may hang in something else by now.
void kernel::look_why_silent() {
  const bool told = !hung_.empty();
  hung_.clear();
  if (!process_ || !process_->alive()) return;
  hung_.push_back(look_at(record_.process.pid));
  if (const pid_t inner = first_child_of(record_.process.pid); relayed_ && inner > 0) {
    hung_.push_back(look_at(inner));
  }
  if (told) return;
  std::vector<std::string> doing;
  for (const auto& each : hung_)
    doing.push_back(each.describe());
  say("heartbeat",
      {{"state", supervise::to_string(heartbeat_.now())},
       event_member::text("doing", fmt::format("{}", fmt::join(doing, "; kernel: ")))},
      severity::warning);
}

void kernel::say(std::string_view name, event_members members, severity how) {
  const auto named = [&](std::string_view wanted) {
    return std::ranges::count(members, wanted, &event_member::name) > 0;
  };
  if (!named("kernel")) members.insert(members.begin(), {"kernel", id()});
  if (!named("owner")) members.push_back(event_member::unlogged("owner", owner()));
  services_.events.say(name, members, how);
}

void kernel::forget() {
  stopping_.stop(services_.counted.stops);
  numbered_.notify();
  for (channels_socket* const client : clients_) {
    client->close(close_code::kernel_gone, "The kernel was shut down and is gone.");
  }
  const auto& files = services_.directories;
  if (!record_.user.empty()) {
    remove_users_files();
    return forget_();
  }
  for (const auto& removed :
       {files.remove_sockets(record_.socket_prefix),
        files.remove_sockets(record_.kernel_socket_prefix), files.remove_kernel(id())}) {
    if (!removed) {
      spdlog::warn("event=cleanup_failed kernel={} error=\"{}\"", id(), removed.error().detail);
    }
  }
  forget_();
}

/// Here only what can neither be locked away from us nor hold us up; all else the user removes, by
/// kmux-spawn, and then the rest goes, too. What cannot be removed the next daemon tries again.
void kernel::remove_users_files() {
  const auto& files = services_.directories;
  struct removal {
    int left = 1;
    bool whole = true;
  };
  const auto all = std::make_shared<removal>();
  // Until then nobody begins anything in there: it would be removed as well.
  services_.leaving.insert(id());
  const auto finish = [&files, &leaving = services_.leaving, all, id = id()](result<void> removed) {
    all->whole = all->whole && removed;
    const bool last = --all->left == 0;
    if (last && all->whole) removed = files.remove_kernel(id);
    if (last) leaving.erase(id);
    if (!removed) {
      spdlog::warn("event=cleanup_failed kernel={} error=\"{}\"", id, removed.error().detail);
    }
  };
  for (const auto& above : {files.kernel_state(id()), files.kernel_runtime(id())}) {
    const std::string directory = above + "/user";
    if (supervise::remove_flat_directory(directory)) continue;
    ++all->left;
    spawn_request r;
    r.what = spawn_request::kind::remove;
    r.user = record_.user;
    r.kernel_id = id();
    r.directory = directory;
    services_.spawner.others().ask(
        r, -1, [directory, finish](const result<supervise::spawn_reply>& asked) {
          if (!asked) return finish(asked.error());
          if (supervise::remove_flat_directory(directory)) return finish({});
          finish(error{errc::io, "cannot remove " + directory});
        });
  }
  finish({});
}

}  // namespace kmux::daemon
