#pragma once
// A scope of systemd's for each kernel: org.freedesktop.systemd1(5), over the system bus.

#include "proc/spawn/settings.hpp"
#include "proc/spawn_message.hpp"

namespace kmux::spawn {

/// Puts the process into kmux-ID-PID.scope, which has the request's limits and outlives both kmuxd
/// and us. Waits until it is there. Returns its cgroup's directory.
result<std::string> enter_scope(const spawn_request&, pid_t, const settings&);

/// SIGKILL to all that is left of a kernel's scope, whoever it is. One that is gone is no error.
result<void> kill_scope(std::string_view kernel_id, pid_t leader);

}  // namespace kmux::spawn
