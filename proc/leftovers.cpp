#include "proc/leftovers.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "proc/unique_fd.hpp"

namespace kmux {
namespace {

constexpr auto longest_pause = std::chrono::milliseconds(50);

/// To that very process or to nobody.
void signal_process(const process_entry& wanted, int signal) {
  const unique_fd fd(static_cast<int>(::syscall(SYS_pidfd_open, wanted.pid, 0)));
  if (!fd) return;
  // Only now: the number could have become another's before the descriptor was opened.
  const auto found = read_process(wanted.pid);
  if (found && found->is(wanted)) {
    ::syscall(SYS_pidfd_send_signal, fd.get(), signal, nullptr, 0);
  }
}

/// Also those that are forked meanwhile, and those in cgroups below. Linux 5.14.
void kill_cgroup(const std::string& directory) {
  if (!directory.empty()) std::ofstream(directory + "/cgroup.kill") << "1";
}

}  // namespace

bool leftovers::is_marked(const process_entry& each, const process_table& table) const {
  const auto& leader = mark_.leader;
  // Nothing older than the leader can be its.
  if (leader.pid > 0 && each.start_ticks < leader.start_ticks) return false;
  if (leader.pid > 0 && each.session == leader.pid) {
    // A session's number is not given away as long as it has members. Where a process has the
    // number and is another, that session is over.
    const auto* const holder = table.find(leader.pid);
    if (holder == nullptr || holder->start_ticks == leader.start_ticks) return true;
  }
  // Its memory may be locked as long as it waits for a device, and we would wait with it.
  if (each.state == 'D') return false;
  if (mark_.id.empty() || variable_of(each.pid, kernel_id_variable) != mark_.id) return false;
  const auto directory = variable_of(each.pid, kernel_directory_variable);
  return !directory || *directory == mark_.directory;
}

void leftovers::add_descendants(const process_table& table, std::vector<process_entry>& to) const {
  std::set<pid_t> known;
  for (const auto& each : to)
    known.insert(each.pid);
  for (std::size_t i = 0; i < to.size(); ++i) {
    for (const auto* const child : table.children(to[i].pid)) {
      if (known.insert(child->pid).second) to.push_back(*child);
    }
  }
}

void leftovers::add_members(const process_table& table, std::vector<process_entry>& to) const {
  if (mark_.cgroup.empty()) return;
  std::ifstream in(mark_.cgroup + "/cgroup.procs");
  for (pid_t pid = 0; in >> pid;) {
    if (const auto* const each = table.find(pid)) to.push_back(*each);
  }
}

void leftovers::note(const process_table& table) {
  const auto* const leader = table.find(mark_.leader.pid);
  if (leader == nullptr || leader->start_ticks != mark_.leader.start_ticks) return;
  std::vector<process_entry> found{*leader};
  add_descendants(table, found);
  noted_.insert(noted_.end(), found.begin() + 1, found.end());
}

std::vector<process_entry> leftovers::find(const process_table& table) const {
  if (mark_.leader.pid > 0 && mark_.leader.boot_id != current_boot_id()) return {};
  std::vector<process_entry> out;
  const auto* const leader = table.find(mark_.leader.pid);
  const bool there = leader != nullptr && leader->start_ticks == mark_.leader.start_ticks;
  if (there) out.push_back(*leader);
  for (const auto& each : noted_) {
    const auto* const now = table.find(each.pid);
    if (now != nullptr && now->is(each)) out.push_back(*now);
  }
  add_members(table, out);
  const pid_t self = ::getpid();
  for (const auto& each : table.all()) {
    if (!each.ended && each.pid != self && is_marked(each, table)) out.push_back(each);
  }
  add_descendants(table, out);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  out.erase(
      std::unique(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.is(b); }),
      out.end());
  std::erase_if(out, [&](const process_entry& each) {
    return each.ended || each.pid == self || (there && each.is(*leader));
  });
  return out;
}

leftovers::progress leftovers::end(const process_table& table, clock::time_point now) {
  const auto found = find(table);
  if (found.empty()) return progress::ended;
  begun_ = std::min(begun_, now);
  const bool by_force = now >= begun_ + grace;
  if (by_force) {
    // Counted from the first SIGKILL: whoever was held up on the way to it has not tried yet.
    killed_ = std::min(killed_, now);
    if (now - killed_ >= patience - grace) return progress::given_up;
    kill_cgroup(mark_.cgroup);
  }
  for (const auto& each : found) {
    if (by_force) {
      signal_process(each, SIGKILL);
    } else if (asked_.emplace(each.pid, each.start_ticks).second) {
      signal_process(each, SIGTERM);
    }
  }
  return progress::waiting;
}

leftovers::clock::duration leftovers::pause() noexcept {
  return pause_ = std::min<clock::duration>(pause_ * 2, longest_pause);
}

void end_leftovers(std::vector<leftovers> all) {
  using clock = leftovers::clock;
  while (!all.empty()) {
    const auto table = process_table::read();
    std::erase_if(all, [&](leftovers& each) {
      return each.end(table, clock::now()) != leftovers::progress::waiting;
    });
    if (!all.empty()) std::this_thread::sleep_for(all.front().pause());
  }
}

}  // namespace kmux
