// What earlier daemons left: living kernels, dead ones, and those of which only the state is left.
#include <algorithm>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include <spdlog/spdlog.h>

#include "daemon/kernels/kernel_manager.hpp"
#include "proc/leftovers.hpp"
#include "proc/process_table.hpp"

namespace kmux::daemon {

namespace fs = std::filesystem;

namespace {

/// Kernels of our own user can write into their records. Whose process it is, it says itself. One
/// that began at another time is nobody's claim: the kernel's has ended, and its pid is used anew.
bool is_of_another(const supervise::record& r) {
  const auto there = read_process(r.process.pid);
  if (!there || there->state == 'D' || there->start_ticks != r.process.start_ticks) return false;
  if (there->pid == ::getpid()) return true;
  const auto marked = variable_of(there->pid, kernel_id_variable);
  return marked && *marked != r.id;
}

}  // namespace

std::optional<kernel_manager::found> kernel_manager::look_for(const std::string& id) {
  const std::string file = services_.directories.record_file(id);
  auto text = supervise::read_file(file);
  if (!text && text.error().code == errc::exhausted) return leave_alone(id, text.error());
  auto record =
      text ? supervise::parse_record(*text, file) : result<supervise::record>(text.error());
  const std::string problem = !record            ? record.error().detail
                              : record->id != id ? "the record names another kernel"
                              : is_of_another(*record)
                                  ? "the record names a process that is not its"
                                  : "";
  if (!problem.empty()) {
    const auto moved = services_.directories.quarantine(id);
    ++services_.counted.adoption.quarantined;
    services_.events.say("kernel_quarantined",
                         {{"kernel", id},
                          event_member::text("error", problem),
                          {"moved_to", moved ? *moved : moved.error().detail}},
                         severity::error);
    return std::nullopt;
  }
  found out;
  out.record = std::move(*record);
  if (out.record.process.pid <= 0) return out;
  auto taken = supervise::process::adopt(services_.io, out.record.process, out.record.exit_file);
  if (!taken && taken.error().code == errc::exhausted) return leave_alone(id, taken.error());
  if (taken) {
    if (!out.record.user.empty()) (*taken)->set_user(services_.spawner.others(), out.record.user);
    out.process = std::move(*taken);
  } else {
    out.ended = taken.error().code == errc::not_found;
  }
  return out;
}

/// A daemon ended between the directory and the record that a kernel begins with, or, in deleting
/// one, between the record and the directory. A summary is written after the record and removed
/// before it: where that is, the record was taken away by somebody else.
bool kernel_manager::has_never_been(const std::string& id) const {
  const auto is_absent = [](const std::string& file) {
    std::error_code failed;
    return fs::symlink_status(file, failed).type() == fs::file_type::not_found;
  };
  const auto& files = services_.directories;
  return is_absent(files.record_file(id)) && is_absent(files.summary_file(id));
}

void kernel_manager::drop_unfinished(const std::string& id) {
  if (const auto removed = services_.directories.remove_kernel(id); !removed) {
    spdlog::warn("event=cleanup_failed kernel={} error=\"{}\"", id, removed.error().detail);
    return;
  }
  services_.events.say(
      "kernel_dropped",
      {{"kernel", id},
       event_member::text("reason", "kmuxd ended while it was being started or deleted")});
}

/// Whether it lives cannot be told now. It is not listed, and nothing of it is touched: the next
/// daemon, or an upgrade, finds it.
std::nullopt_t kernel_manager::leave_alone(const std::string& id, const error& why) {
  left_alone_.insert(id);
  ++services_.counted.adoption.left_alone;
  services_.events.say("kernel_left_alone",
                       {{"kernel", id}, event_member::text("error", why.detail)}, severity::error);
  return std::nullopt;
}

void kernel_manager::adopt(found it) {
  const bool alive = it.process != nullptr;
  const auto pid = it.record.process.pid;
  const bool unwanted = it.record.wanted == "stopped";
  auto made = add(std::move(it.record));
  ++(alive ? services_.counted.adoption.adopted : services_.counted.adoption.found_dead);
  made->adopt(std::move(it.process));
  made->say(alive ? "kernel_adopted" : "kernel_found_dead", {{"pid", pid}});
  // The daemon before us was asked to end it, and could not finish.
  if (unwanted) made->finish_stop();
}

void kernel_manager::adopt_all() {
  const auto begun = std::chrono::steady_clock::now();
  const auto ids = services_.directories.list_kernels();
  if (!ids) {
    spdlog::error("event=adoption_failed error=\"{}\"", ids.error().detail);
    return;
  }
  std::vector<found> all;
  std::vector<leftovers> left;
  std::vector<std::string> unfinished;
  for (const auto& id : *ids) {
    if (has_never_been(id)) {
      left.emplace_back(kernel_mark{{}, id, services_.directories.kernel_runtime(id), {}});
      unfinished.push_back(id);
      continue;
    }
    auto it = look_for(id);
    if (!it) continue;
    const auto& r = it->record;
    kernel_mark mark{r.process, id, services_.directories.kernel_runtime(id),
                     supervise::cgroups::is_of(r.cgroup, id) ? r.cgroup : std::string()};
    if (it->ended && !r.user.empty()) end_as_user(r.user, mark);
    if (it->ended && r.user.empty()) left.emplace_back(std::move(mark));
    all.push_back(std::move(*it));
  }
  // Before anything of theirs can be started again.
  end_leftovers(std::move(left));
  for (const auto& id : unfinished)
    drop_unfinished(id);
  for (auto& each : all)
    adopt(std::move(each));
  reap_strays();
  adopt_lost();
  services_.counted.adoption.took = std::chrono::steady_clock::now() - begun;
}

void kernel_manager::end_as_user(const std::string& user, const kernel_mark& mark) {
  const auto done = services_.spawner.others().ask_now(supervise::end_request(user, mark));
  if (done) return;
  spdlog::warn("event=leftovers_not_ended kernel={} error=\"{}\"", mark.id, done.error().detail);
}

/// After an upgrade the children of the program before us are ours. One that it had not yet let
/// through the gate ends by itself; nobody else would wait for it.
void kernel_manager::reap_strays() {
  const auto is_kernel = [this](pid_t pid) {
    return std::ranges::any_of(kernels_,
                               [pid](const auto& each) { return each.second->is_process(pid); });
  };
  const auto table = process_table::read();
  for (const auto* const child : table.children(::getpid())) {
    if (is_kernel(child->pid)) continue;
    auto taken = supervise::process::from_child(services_.io, child->pid);
    if (!taken) continue;
    auto* const stray = taken->get();
    strays_.push_back(std::move(*taken));
    stray->on_exit([this, stray](const exit_status&) {
      std::erase_if(strays_, [stray](const auto& each) { return each.get() == stray; });
    });
  }
}

std::optional<supervise::summary> kernel_manager::read_summary(const std::string& id) {
  const auto& files = services_.directories;
  const std::string file = files.summary_file(id);
  const auto text = supervise::read_file(file);
  // A directory without one tells nothing of a kernel: it never had a process.
  if (!text && text.error().code == errc::not_found) return std::nullopt;
  if (!text && text.error().code == errc::exhausted) return leave_alone(id, text.error());
  auto s = text ? supervise::parse_summary(*text, file) : result<supervise::summary>(text.error());
  if (s && s->id == id) return std::move(*s);
  const auto moved = files.quarantine_state(id);
  ++services_.counted.adoption.quarantined;
  services_.events.say(
      "kernel_quarantined",
      {{"kernel", id},
       event_member::text("error", s ? "the summary names another kernel" : s.error().detail),
       {"moved_to", moved ? *moved : moved.error().detail}},
      severity::error);
  return std::nullopt;
}

bool kernel_manager::is_old(const std::string& id) const {
  std::error_code unknown;
  const auto written = fs::last_write_time(services_.directories.summary_file(id), unknown);
  return !unknown && fs::file_time_type::clock::now() - written >
                         std::chrono::seconds(services_.settings.journal.most_age);
}

void kernel_manager::adopt_lost() {
  const auto& files = services_.directories;
  const auto ids = files.list_states();
  if (!ids) return spdlog::error("event=adoption_failed error=\"{}\"", ids.error().detail);
  const std::string boot = current_boot_id();
  std::vector<supervise::summary> all;
  std::vector<leftovers> left;
  for (const auto& id : *ids) {
    if (kernels_.contains(id) || left_alone_.contains(id) || files.is_quarantined(id)) continue;
    auto s = read_summary(id);
    if (!s) continue;
    const bool ours = s->directory == files.kernel_runtime(id);
    if (const auto now = identify(s->process.pid); !ours && now && *now == s->process) {
      services_.events.say("kernel_left_alone",
                           {{"kernel", id}, {"pid", s->process.pid}, {"directory", s->directory}},
                           severity::warning);
      continue;  // another daemon's, which was given the same state directory
    }
    // Nobody can talk to it any more: its sockets went with the directory.
    if (ours && s->process.boot_id == boot) {
      kernel_mark mark{{}, id, s->directory, {}};
      const bool users = files.written_state(id) != files.kernel_state(id);
      if (users) end_as_user(s->owner, mark);
      if (!users) left.emplace_back(std::move(mark));
    }
    all.push_back(std::move(*s));
  }
  end_leftovers(std::move(left));
  for (const auto& s : all) {
    supervise::record r;
    r.id = s.id;
    r.kernelspec = s.kernelspec;
    r.owner = s.owner;
    r.path = s.path;
    r.cwd = s.cwd;
    r.created = s.created;
    const auto* const why =
        s.process.boot_id == boot ? runtime_directory_lost : machine_started_again;
    ++services_.counted.adoption.found_dead;
    const auto made = add(std::move(r));
    made->adopt_lost(s, why);
    made->say("kernel_found_dead", {event_member::text("reason", why)});
  }
  drop_old();
}

void kernel_manager::drop_old() {
  std::vector<std::shared_ptr<kernel>> old;
  for (const auto& [id, each] : kernels_) {
    if (each->is_lost() && is_old(id)) old.push_back(each);
  }
  for (const auto& each : old) {
    each->say("kernel_dropped", {event_member::text("reason", "older than journal.max_age")});
    each->finish_stop();
  }
}

}  // namespace kmux::daemon
