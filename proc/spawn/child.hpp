#pragma once
// kmux-child, started as its user and held at its gate.

#include "proc/spawn/policy.hpp"
#include "proc/spawn_message.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::spawn {

/// Forks, becomes the user, and executes kmux-child with the gate as descriptor 3, in a session of
/// its own, in the user's home, its output in the log. `pam` is the session's environment. Returns
/// when it has been executed, or could not be, with the reason.
result<pid_t> start_child(const spawn_request&, const account&, const settings&,
                          const environment& pam, const unique_fd& gate);

}  // namespace kmux::spawn
