#include "proc/child/kernel_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "proc/exec_strings.hpp"

namespace kmux::child {

namespace {

/// What exec wants, made before the fork: after it, only async-signal-safe calls.
std::vector<std::string> variables(const launch_spec& spec) {
  auto out = assignments(spec.env);
  // jupyter_client's promise to kernels: they end when this process is gone.
  out.push_back("JPY_PARENT_PID=" + std::to_string(::getpid()));
  return out;
}

/// What exec wants, made before the fork: after it, only async-signal-safe calls.
struct image {
  exec_strings argv, envp;
  std::string directory;
  process_limits limits;

  explicit image(const launch_spec& spec)
      : argv(spec.argv), envp(variables(spec)), directory(spec.cwd), limits(spec.limits) {}
};

[[noreturn]] void fail(int errors) {
  const int reason = errno;
  [[maybe_unused]] const auto n = ::write(errors, &reason, sizeof reason);
  ::_exit(127);
}

[[noreturn]] void become(image& what, pid_t parent, int output, int errors) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it ended before the line above
  for (int s = 1; s < NSIG; ++s)
    ::signal(s, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (::dup2(null, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0) fail(errors);
  if (!what.directory.empty() && ::chdir(what.directory.c_str()) != 0) fail(errors);
  if (!set_limits(what.limits)) fail(errors);
  ::execvpe(what.argv.get()[0], what.argv.get(), what.envp.get());
  fail(errors);
}

}  // namespace

result<kernel_process> kernel_process::start(const launch_spec& spec) {
  int output[2], errors[2];
  if (::pipe2(output, O_CLOEXEC) != 0) return error{errc::io, "no descriptors left"};
  kernel_process out;
  out.output_ = unique_fd(output[0]);
  const unique_fd output_write(output[1]);
  if (::pipe2(errors, O_CLOEXEC) != 0) return error{errc::io, "no descriptors left"};
  const unique_fd errors_read(errors[0]);
  unique_fd errors_write(errors[1]);
  image what(spec);
  // execvpe(3) searches the PATH of the caller, and means the kernel's.
  if (const auto path = spec.env.find("PATH"); path != spec.env.end()) {
    ::setenv("PATH", path->second.c_str(), 1);
  }
  const pid_t parent = ::getpid();
  out.pid_ = ::fork();
  if (out.pid_ < 0) return error{errc::io, std::string("fork: ") + std::strerror(errno)};
  if (out.pid_ == 0) become(what, parent, output_write.get(), errors_write.get());
  errors_write.reset();
  int reason = 0;
  ssize_t n = 0;
  do {
    n = ::read(errors_read.get(), &reason, sizeof reason);
  } while (n < 0 && errno == EINTR);
  if (n == sizeof reason) {
    ::waitpid(out.pid_, nullptr, 0);
    return error{errc::not_found,
                 "cannot start " + spec.argv.front() + ": " + std::strerror(reason)};
  }
  out.pidfd_ = unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, out.pid_, 0)));
  ::fcntl(out.output_.get(), F_SETFL, O_NONBLOCK);
  return out;
}

void kernel_process::signal(int number) noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

void kernel_process::reap_others() noexcept {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
    if (info.si_pid == 0 || info.si_pid == pid_) return;
    ::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED | WNOHANG);
  }
}

exit_status kernel_process::wait() {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0) {
    if (errno != EINTR) return {};
  }
  return exit_status_from(info);
}

}  // namespace kmux::child
