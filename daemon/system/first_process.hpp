#pragma once
// What is asked of process 1 of a container, pid_namespaces(7).

namespace kmux::daemon {

/// Where we are process 1: divides. Process 1 stays behind in here: it passes SIGTERM, SIGINT,
/// SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 on, waits for whatever ends (orphans come to it), and exits
/// as the other does, with 128 + its number where that was a signal. The other, in a session of its
/// own, returns. Elsewhere nothing happens. Before any thread is made. Throws where there can be no
/// process.
void divide_if_first();

}  // namespace kmux::daemon
