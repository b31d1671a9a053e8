#include "daemon/system/first_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace kmux::daemon {

namespace {

constexpr int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/// Ends with `other`, once it is among those that have ended.
void wait_for_all(pid_t other) {
  int status = 0;
  for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended != other) continue;
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
}

[[noreturn]] void look_after(pid_t other, const sigset_t& awaited) {
  for (;;) {
    const int number = ::sigwaitinfo(&awaited, nullptr);
    if (number == SIGCHLD) wait_for_all(other);
    if (number > 0 && number != SIGCHLD) ::kill(other, number);
  }
}

}  // namespace

void divide_if_first() {
  if (::getpid() != 1) return;
  sigset_t awaited, before;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  for (const int number : passed_on)
    sigaddset(&awaited, number);
  // From here on, so that nothing is lost between fork(2) and the first wait.
  ::sigprocmask(SIG_BLOCK, &awaited, &before);
  const pid_t other = ::fork();
  if (other < 0) throw std::system_error(errno, std::generic_category(), "cannot make a process");
  if (other > 0) look_after(other, awaited);
  // A terminal's signals are for process 1 alone; two of them would end us at once.
  ::setsid();
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace kmux::daemon
