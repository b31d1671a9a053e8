// What a kernel was and is, beside its messages: its cgroup, what it hangs in.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "daemon/kernels/kernel.hpp"

namespace kmux::daemon {

/// Before it is let go: nothing that it starts is ever anywhere else.
result<void> kernel::enter_cgroup(pid_t pid) {
  record_.cgroup.clear();
  if (!services_.cgroups.on()) return {};
  auto made = services_.cgroups.create(id(), services_.settings.cgroup_limits);
  if (made) {
    const auto added = supervise::cgroups::add(*made, pid);
    record_.cgroup = *made;
    if (added) return {};
    leave_cgroup();
    made = added.error();
  }
  return error{made.error().code, "The kernel's cgroup: " + made.error().detail +
                                      ". Mend it, or set kernels.cgroup to off."};
}

void kernel::leave_cgroup() {
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
  spdlog::warn("event=heartbeat kernel={} state={} doing=\"{}\"", id(),
               supervise::to_string(heartbeat_.now()), fmt::join(doing, "; kernel: "));
}

}  // namespace kmux::daemon
