#pragma once
// One connection: one request, checked and done.

#include "proc/spawn/settings.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::spawn {

/// In a process of its own, forked for this connection and ended after it: what a request does to
/// it touches nothing else, and nothing is remembered. The process of a kernel that was started
/// stays until the kernel has ended, to tell how, and to close its PAM session.
void serve(unique_fd connection, const settings&);

}  // namespace kmux::spawn
