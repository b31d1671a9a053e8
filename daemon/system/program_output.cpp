#include "daemon/system/program_output.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/exec_strings.hpp"
#include "proc/supervise/spawn_plan.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t most_text = 64 << 10;

using clock = std::chrono::steady_clock;

result<pid_t> start(const std::vector<std::string>& argv, int output) {
  supervise::spawn_plan plan;
  const bool planned = plan.open(0, "/dev/null", O_RDONLY) && plan.give(output, 1) &&
                       plan.give(output, 2) && plan.close_from(3);
  const exec_strings arguments(argv);
  pid_t pid = -1;
  const int failed = planned ? plan.run(argv.front(), arguments.get(), ::environ, pid) : ENOMEM;
  if (failed == 0) return pid;
  return error{errc::io, "cannot start " + argv.front() + ": " + std::strerror(failed)};
}

/// False at the deadline. Else everybody who could write has closed it.
bool read_all(int fd, std::string& text, clock::time_point deadline) {
  char piece[4096];
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    pollfd wait{fd, POLLIN, 0};
    if (left <= 0) return false;
    const int ready = ::poll(&wait, 1, static_cast<int>(left));
    if (ready == 0) return false;
    if (ready < 0 && errno == EINTR) continue;
    const auto got = ::read(fd, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    text.append(piece, std::min<std::size_t>(got, most_text - text.size()));
  }
}

}  // namespace

result<program_output> run_program(const std::vector<std::string>& argv,
                                   std::chrono::seconds most) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return error{errc::io, std::string("cannot make a pipe: ") + std::strerror(errno)};
  }
  const unique_fd from(ends[0]);
  unique_fd to(ends[1]);
  const auto pid = start(argv, to.get());
  if (!pid) return pid.error();
  to.reset();
  program_output out;
  const bool ended = read_all(from.get(), out.text, clock::now() + most);
  if (!ended) ::kill(*pid, SIGKILL);  // ours and not reaped: nobody else has its number
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return error{errc::io, argv.front() + " did not end in time"};
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

}  // namespace kmux::daemon
