#include "proc/spawn/worker.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "proc/leftovers.hpp"
#include "proc/oom_watch.hpp"
#include "proc/packet.hpp"
#include "proc/spawn/child.hpp"
#include "proc/spawn/pam_session.hpp"
#include "proc/spawn/policy.hpp"
#include "proc/spawn/scope.hpp"

namespace kmux::spawn {
namespace {

constexpr unsigned signal_process_group = 1U << 2;  ///< Linux 6.9; else EINVAL
constexpr int request_seconds = 10;
constexpr mode_t login_umask = 022;

void answer(const unique_fd& to, const spawn_answer& a, int descriptor = -1) {
  const std::span<const int> beside(&descriptor, descriptor >= 0 ? 1 : 0);
  // Whoever asked may be gone: then nobody wants to know.
  (void)send_packet(to.get(), write_spawn_answer(a), beside);
}

spawn_answer answer_of(const result<void>& done) {
  spawn_answer out;
  if (done) return out;
  out.code = done.error().code;
  out.detail = done.error().detail;
  return out;
}

unique_fd open_process(pid_t pid) {
  return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

/// Until the process has ended: whether somebody in its scope was killed for want of memory.
/// systemd then ends the others gently, and removes the scope: nobody who looks later can tell.
bool out_of_memory_before_end(const unique_fd& pidfd, const std::string& cgroup) {
  const oom_watch counted = oom_watch::of_cgroup(cgroup);
  const unique_fd events(::open((cgroup + "/memory.events").c_str(), O_RDONLY | O_CLOEXEC));
  pollfd items[] = {{pidfd.get(), POLLIN, 0}, {events.get(), POLLPRI, 0}};
  bool struck = false;
  while (events && !struck && items[0].revents == 0) {
    if (::poll(items, 2, -1) < 0) continue;
    char text[512];
    // Reading is what the next change is counted from.
    if (::pread(events.get(), text, sizeof text, 0) < 0) items[1].fd = -1;
    struck = counted.struck();
  }
  return struck;
}

/// Until the child has ended; whoever asked is told, if they are still there.
void watch(pid_t pid, const unique_fd& pidfd, const std::string& cgroup,
           const unique_fd& connection) {
  spawn_answer end;
  end.out_of_memory = !cgroup.empty() && out_of_memory_before_end(pidfd, cgroup);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0) {
    if (errno != EINTR) return;
  }
  end.exit = exit_status_from(info);
  answer(connection, end);
}

/// The child's end comes by itself where this fails: nobody will open its gate.
result<void> start(const spawn_request& r, const account& who, const settings& s, unique_fd gate,
                   const unique_fd& connection) {
  std::unique_ptr<pam_session> session;
  if (!s.pam.empty()) {
    auto opened = pam_session::open(s.pam, who);
    if (!opened) return opened.error();
    session = std::move(*opened);
  }
  const auto pid = start_child(r, who, s, session ? session->variables() : environment{}, gate);
  if (!pid) return pid.error();
  gate.reset();
  spawn_answer started;
  const auto identity = identify(*pid);
  const unique_fd pidfd = open_process(*pid);
  if (!identity || !pidfd) return error{errc::io, "the new process cannot be opened"};
  started.process = *identity;
  if (s.scopes) {
    auto scope = enter_scope(r, *pid, s);
    if (!scope) return scope.error();
    started.cgroup = std::move(*scope);
  }
  answer(connection, started, pidfd.get());
  fmt::print(stderr, "event=started kernel={} user={} pid={}\n", r.kernel_id, r.user, *pid);
  watch(*pid, pidfd, started.cgroup, connection);
  return {};
}

/// The number of the process that a pidfd means; -1 once it has been waited for.
pid_t process_of(int pidfd) {
  std::ifstream in("/proc/self/fdinfo/" + std::to_string(pidfd));
  for (std::string name; in >> name;) {
    if (name == "Pid:" && in >> name) return static_cast<pid_t>(std::atoi(name.c_str()));
  }
  return -1;
}

/// The system itself refuses where that is not the user's process.
result<void> send_signal(const spawn_request& r, const account& who, int pidfd) {
  const pid_t pid = process_of(pidfd);
  if (pid < 2) return error{errc::not_found, "the process has ended"};
  if (auto done = become(who); !done) return done;
  long sent = ::syscall(SYS_pidfd_send_signal, pidfd, r.signal, nullptr,
                        r.group ? signal_process_group : 0);
  if (sent != 0 && errno == EINVAL && r.group) {
    pollfd ended{pidfd, POLLIN, 0};
    sent = ::poll(&ended, 1, 0) == 0 ? ::kill(-pid, r.signal) : -1;
  }
  if (sent == 0) return {};
  return error{errc_of(errno), std::string("cannot signal: ") + std::strerror(errno)};
}

/// Nothing is reached that the user could not remove by themselves.
result<void> remove(const spawn_request& r, const account& who) {
  namespace fs = std::filesystem;
  if (auto done = become(who); !done) return done;
  std::error_code failed;
  for (fs::recursive_directory_iterator each(r.directory, failed), none; each != none && !failed;) {
    const bool folder = each->symlink_status(failed).type() == fs::file_type::directory;
    if (folder) fs::permissions(each->path(), fs::perms::owner_all, failed);
    each.increment(failed);
  }
  for (fs::directory_iterator each(r.directory, failed), none; each != none && !failed;) {
    fs::remove_all(each->path(), failed);
    each.increment(failed);
  }
  if (!failed) return {};
  return error{errc::io, "cannot remove what is in " + r.directory + ": " + failed.message()};
}

result<void> end(const spawn_request& r, const account& who, const settings& s) {
  const pid_t pid = ::fork();
  if (pid < 0) return error{errc::io, std::string("fork: ") + std::strerror(errno)};
  if (pid == 0) {
    if (!become(who)) ::_exit(1);
    std::vector<leftovers> all;
    all.emplace_back(kernel_mark{r.leader, r.kernel_id, r.directory, {}});
    for (const auto& [noted, ticks] : r.noted)
      all.front().note(noted, ticks);
    end_leftovers(std::move(all));
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  // What it started as somebody else, by sudo or at, or what would not end.
  if (s.scopes && r.leader.pid > 0) return kill_scope(r.kernel_id, r.leader.pid);
  if (status == 0) return {};
  return error{errc::io, "what the kernel left behind could not all be ended"};
}

result<void> perform(const spawn_request& r, packet& asked, const settings& s,
                     const unique_fd& connection) {
  const auto who = find_account(r.user);
  if (!who) return who.error();
  if (auto allowed = check_allowed(*who, s); !allowed) return allowed;
  if (r.what == spawn_request::kind::end) return end(r, *who, s);
  if (r.what == spawn_request::kind::remove) return remove(r, *who);
  if (asked.descriptors.size() != 1) {
    return error{errc::bad_field, "the request must come with one descriptor"};
  }
  unique_fd given = std::move(asked.descriptors.front());
  if (r.what == spawn_request::kind::signal) return send_signal(r, *who, given.get());
  return start(r, *who, s, std::move(given), connection);
}

}  // namespace

void serve(unique_fd connection, const settings& s) {
  ::umask(login_umask);  // PAM may say otherwise
  const timeval patience{request_seconds, 0};
  ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  auto asked = receive_packet(connection.get(), max_spawn_message);
  if (asked && asked->text.empty()) return;
  const auto request =
      asked ? parse_spawn_request(asked->text) : result<spawn_request>(asked.error());
  result<void> done;
  if (request) {
    done = perform(*request, *asked, s, connection);
    if (done && request->what == spawn_request::kind::start) return;  // was answered
  } else {
    done = request.error();
  }
  if (!done && done.error().code != errc::not_found) {
    fmt::print(stderr, "event=refused kernel={} user={} error=\"{}\"\n",
               request ? request->kernel_id : "", request ? request->user : "",
               done.error().detail);
  }
  answer(connection, answer_of(done));
}

}  // namespace kmux::spawn
