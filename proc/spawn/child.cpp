#include "proc/spawn/child.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/exec_strings.hpp"
#include "proc/file_mode.hpp"

namespace kmux::spawn {
namespace {

constexpr int gate_in_child = 3;

error system_error(const std::string& what) {
  return {errc::io, what + ": " + std::strerror(errno)};
}

/// As at a login: what the request says is below what PAM says, and that below who the user is.
environment login_environment(const spawn_request& r, const account& who, const environment& pam) {
  environment out{{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  for (const auto* const more : {&r.env, &pam}) {
    for (const auto& [name, value] : *more)
      out[name] = value;
  }
  out["HOME"] = who.home;
  out["USER"] = out["LOGNAME"] = who.name;
  out["SHELL"] = who.shell;
  return out;
}

/// What is mounted from here on nobody else sees; what others mount is seen here.
result<void> separate_mounts(const settings& s) {
  if (!s.private_tmp && !s.hide_proc) return {};
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return system_error("private_tmp and hide_proc need CAP_SYS_ADMIN: a mount namespace");
  }
  constexpr unsigned long flags = MS_NOSUID | MS_NODEV;
  for (const char* const place : {"/tmp", "/var/tmp"}) {
    if (s.private_tmp && ::mount("tmpfs", place, "tmpfs", flags, "mode=1777") != 0) {
      return system_error(std::string("private_tmp: ") + place);
    }
  }
  if (s.hide_proc &&
      ::mount("proc", "/proc", "proc", flags | MS_NOEXEC, "hidepid=invisible") != 0) {
    return system_error("hide_proc: /proc");
  }
  return {};
}

/// As the user, so that a link leads nowhere that they could not go.
result<void> give_descriptors(const spawn_request& r, int gate) {
  const unique_fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  unique_fd log;
  if (!r.stdio_log.empty()) {
    log.reset(::open(r.stdio_log.c_str(),
                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                     mode_beside(r.stdio_log)));
    if (!log) return system_error("cannot open " + r.stdio_log);
    ::fcntl(log.get(), F_SETFL, O_APPEND);
  }
  const int output = log ? log.get() : nothing.get();
  // The gate may be one of those that are overwritten.
  const unique_fd high(::fcntl(gate, F_DUPFD_CLOEXEC, gate_in_child + 1));
  if (!high || ::dup2(nothing.get(), 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0 ||
      ::dup2(high.get(), gate_in_child) < 0) {
    return system_error("no descriptors left");
  }
  return {};
}

result<void> prepare(const spawn_request& r, const account& who, const settings& s) {
  ::setsid();
  if (auto done = separate_mounts(s); !done) return done;
  if (auto done = become(who); !done) return done;
  if (!r.spec_dir.empty()) {
    if (auto done = check_kernelspec(r.spec_dir); !done) return done;
  }
  if (::chdir(who.home.c_str()) != 0 && ::chdir("/") != 0) return system_error("cannot use /");
  for (int each = 1; each < NSIG; ++each)
    ::signal(each, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  return {};
}

/// The reason, on the pipe that an exec closes.
[[noreturn]] void give_up(const error& why, int errors) {
  const std::string text = (why.code == errc::refused ? "r" : "i") + why.detail;
  [[maybe_unused]] const auto n = ::write(errors, text.data(), text.size());
  ::_exit(127);
}

[[noreturn]] void run(const spawn_request& r, const account& who, const settings& s,
                      const environment& pam, int gate, int errors) {
  const exec_strings argv({"kmux-child", std::string(to_string(r.child)),
                           "--gate=" + std::to_string(gate_in_child), "--id=" + r.kernel_id});
  const exec_strings env(assignments(login_environment(r, who, pam)));
  if (const auto done = prepare(r, who, s); !done) give_up(done.error(), errors);
  if (const auto done = give_descriptors(r, gate); !done) give_up(done.error(), errors);
  ::close_range(gate_in_child + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execve(s.child.c_str(), argv.get(), env.get());
  give_up(system_error("cannot start " + s.child), errors);
}

}  // namespace

result<pid_t> start_child(const spawn_request& r, const account& who, const settings& s,
                          const environment& pam, const unique_fd& gate) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("no descriptors left");
  const unique_fd errors(ends[0]);
  unique_fd errors_write(::fcntl(ends[1], F_DUPFD_CLOEXEC, gate_in_child + 1));
  ::close(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork");
  if (pid == 0) run(r, who, s, pam, gate.get(), errors_write.get());
  errors_write.reset();
  std::string said(4096, '\0');
  ssize_t n = 0;
  do {
    n = ::read(errors.get(), said.data(), said.size());
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return pid;
  ::waitpid(pid, nullptr, 0);
  said.resize(static_cast<std::size_t>(n));
  return error{said.front() == 'r' ? errc::refused : errc::io, said.substr(1)};
}

}  // namespace kmux::spawn
