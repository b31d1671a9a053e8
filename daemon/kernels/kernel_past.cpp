// What a kernel was and is, beside its messages: its cgroup.
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

}  // namespace kmux::daemon
