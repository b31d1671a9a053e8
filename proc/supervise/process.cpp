#include "proc/supervise/process.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
extern "C" {  // glibc 2.36 forgets to say so
#include <sys/pidfd.h>
}
#include <sys/wait.h>
#include <utility>

#include <spdlog/spdlog.h>

#include "proc/supervise/files.hpp"

namespace kmux::supervise {
namespace {

/// Linux 6.9; not in glibc 2.36's header. Addresses the group by what the pidfd holds, so that it
/// is right even after the leader was reaped. Older kernels say EINVAL.
constexpr unsigned signal_process_group = 1U << 2;

constexpr std::size_t max_exit_file = 64 << 10;
constexpr auto note_age = std::chrono::milliseconds(10);
constexpr auto end_age = std::chrono::milliseconds(100);
constexpr auto longest_kill_pause = std::chrono::seconds(60);

error system_error(std::string what) {
  const int number = errno;
  return {errc_of(number), std::move(what) + ": " + std::strerror(number)};
}

/// A look at the system, which kernels that end at the same time share: loop thread only.
struct shared_look {
  process_table table;
  std::chrono::steady_clock::time_point at;

  const process_table& fresh() {
    at = std::chrono::steady_clock::now();
    table = process_table::read();
    return table;
  }
  /// Not older than `age`.
  const process_table& recent(std::chrono::milliseconds age) {
    return std::chrono::steady_clock::now() < at + age ? table : fresh();
  }
  /// What shows it as a zombie was read after its end, and so shows all that it left.
  const process_table& after_end_of(const process_identity& it) {
    const auto* const found = table.find(it.pid);
    const bool after = found != nullptr && found->start_ticks == it.start_ticks && found->ended;
    return after ? recent(end_age) : fresh();
  }
};

shared_look& look() {
  static shared_look shared;
  return shared;
}

/// Of a process that has not been waited for. After an upgrade an adopted one may be a child.
bool is_child(int pidfd) {
  siginfo_t info{};
  return ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

error ended_already(pid_t pid) {
  return {errc::not_found, "process " + std::to_string(pid) + " has ended"};
}

}  // namespace

process::process(boost::asio::io_context& io, process_identity identity, bool child,
                 std::string exit_file)
    : fd_(io),
      identity_(std::move(identity)),
      exit_file_(std::move(exit_file)),
      memory_events_(io),
      left_({identity_, {}, {}, {}}),
      left_timer_(io),
      kill_timer_(io),
      child_(child) {
}

result<std::unique_ptr<process>> process::open(boost::asio::io_context& io,
                                               const process_identity& identity, unique_fd pidfd,
                                               bool child, std::string exit_file) {
  std::unique_ptr<process> made(new process(io, identity, child, std::move(exit_file)));
  boost::system::error_code failed;
  made->fd_.assign(pidfd.get(), failed);
  if (failed) return error{errc::io, "cannot watch a process: " + failed.message()};
  made->pidfd_ = pidfd.release();
  return made;
}

result<std::unique_ptr<process>> process::from_child(boost::asio::io_context& io, pid_t pid,
                                                     std::string exit_file) {
  unique_fd pidfd(::pidfd_open(pid, 0));
  if (!pidfd) return system_error("cannot open process " + std::to_string(pid));
  const auto identity = identify(pid);
  if (!identity) return identity.error();
  return open(io, *identity, std::move(pidfd), true, std::move(exit_file));
}

result<std::unique_ptr<process>> process::adopt(boost::asio::io_context& io,
                                                const process_identity& identity,
                                                std::string exit_file) {
  if (identity.pid <= 0 || identity.boot_id.empty()) {
    return error{errc::not_found, "no process is named"};
  }
  unique_fd pidfd(::pidfd_open(identity.pid, 0));
  if (!pidfd) return system_error("cannot open process " + std::to_string(identity.pid));
  // Only now: a number compared before opening could be another process's by the time it is opened.
  const auto found = identify(identity.pid);
  if (!found) return found.error();
  if (*found != identity) return ended_already(identity.pid);
  const bool child = is_child(pidfd.get());
  auto made = open(io, identity, std::move(pidfd), child, std::move(exit_file));
  // A child that has ended is still there: wait(2) tells more of its end than anything else.
  if (made && !child && !(*made)->alive()) return ended_already(identity.pid);
  return made;
}

result<std::unique_ptr<process>> process::from_spawned(boost::asio::io_context& io,
                                                       spawn_reply reply, spawn_client& through,
                                                       std::string user) {
  if (!reply.descriptor) return error{errc::io, "kmux-spawn gave no descriptor of the process"};
  auto made = open(io, reply.answer.process, std::move(reply.descriptor), false, {});
  if (!made) return made;
  (*made)->set_user(through, std::move(user));
  (*made)->told_ = std::move(reply.connection);
  return made;
}

void process::set_user(spawn_client& through, std::string user) {
  spawn_ = &through;
  user_ = std::move(user);
}

process::~process() {
  // One whose end nobody has heard of stays: init, or the program that this one becomes at an
  // upgrade, waits for it.
  if (child_ && !handler_) reap();
}

bool process::alive() const noexcept {
  pollfd waiting{pidfd_, POLLIN, 0};
  return !reaped_ && ::poll(&waiting, 1, 0) == 0;
}

result<void> process::signal(int sig) {
  if (!alive()) return ended_already(identity_.pid);
  if (spawn_ != nullptr) return signal_as_user(sig, false);
  if (::pidfd_send_signal(pidfd_, sig, nullptr, 0) != 0) {
    return system_error("cannot signal process " + std::to_string(identity_.pid));
  }
  killed_by_us_ = killed_by_us_ || sig == SIGKILL;
  return {};
}

result<void> process::signal_group(int sig) {
  if (!alive()) return ended_already(identity_.pid);
  if (spawn_ != nullptr) return signal_as_user(sig, true);
  int sent = ::pidfd_send_signal(pidfd_, sig, nullptr, signal_process_group);
  // Before Linux 6.9. Our own child holds its number until we reap it.
  if (sent != 0 && errno == EINVAL) sent = ::kill(-identity_.pid, sig);
  if (sent != 0) return system_error("cannot signal group " + std::to_string(identity_.pid));
  killed_by_us_ = killed_by_us_ || sig == SIGKILL;
  return {};
}

/// Whether it could be sent is logged: whoever waits for the process's end waits for no more. After
/// SIGKILL nothing follows that would end it, and kmux-spawn may just be started anew.
result<void> process::signal_as_user(int sig, bool group) {
  spawn_request r;
  r.what = spawn_request::kind::signal;
  r.user = user_;
  r.signal = sig;
  r.group = group;
  killed_by_us_ = killed_by_us_ || sig == SIGKILL;
  spawn_->ask(r, pidfd_,
              [this, here = std::weak_ptr<bool>(here_), pid = identity_.pid, sig,
               group](const result<spawn_reply>& done) {
                if (done || done.error().code == errc::not_found) return;
                spdlog::error("event=signal_not_sent pid={} signal={} error=\"{}\"", pid, sig,
                              done.error().detail);
                if (sig == SIGKILL && !here.expired()) kill_again(group);
              });
  return {};
}

void process::kill_again(bool group) {
  kill_timer_.expires_after(kill_pause_);
  kill_pause_ = std::min(2 * kill_pause_, longest_kill_pause);
  kill_timer_.async_wait(
      [this, here = std::weak_ptr<bool>(here_), group](boost::system::error_code failed) {
        if (!failed && !here.expired() && alive()) (void)signal_as_user(SIGKILL, group);
      });
}

void process::on_exit(exit_handler handler) {
  handler_ = std::move(handler);
  const std::string& cgroup = left_.mark().cgroup;
  if (!oom_.begun()) count_kills(cgroup);
  if (spawn_ != nullptr && !cgroup.empty()) {
    unique_fd events(::open((cgroup + "/memory.events").c_str(), O_RDONLY | O_CLOEXEC));
    boost::system::error_code failed;
    if (events) memory_events_.assign(events.release(), failed);
    watch_memory();
  }
  wait();
}

void process::count_kills(const std::string& cgroup) {
  oom_ = cgroup.empty() ? oom_watch(identity_.pid) : oom_watch::of_cgroup(cgroup);
}

/// systemd removes a scope as soon as all in it have ended; what happened there is seen before.
void process::watch_memory() {
  char text[512];
  // Reading is what the next change is counted from: what came before it the look after it sees.
  const bool there = memory_events_.is_open() &&
                     ::pread(memory_events_.native_handle(), text, sizeof text, 0) >= 0;
  struck_ = struck_ || oom_.struck();
  if (struck_ || !there) return;
  memory_events_.async_wait(
      boost::asio::posix::stream_descriptor::wait_error,
      [this, here = std::weak_ptr<bool>(here_)](boost::system::error_code failed) {
        if (!failed && !here.expired()) watch_memory();
      });
}

void process::wait() {
  fd_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                 [this, here = std::weak_ptr<bool>(here_)](boost::system::error_code failed) {
                   if (!failed && !here.expired()) ended();
                 });
}

void process::ended() {
  if (spawn_ != nullptr) {
    struck_ = struck_ || oom_.struck();
    memory_events_.close();
    return ask_how_it_ended();
  }
  siginfo_t info{};
  if (child_) {
    const int told =
        ::waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED | WNOWAIT | WNOHANG);
    // Traced, and its tracer has not let go yet: another wake-up comes.
    if ((told == 0 && info.si_pid == 0) || (told != 0 && errno == EAGAIN)) return wait();
  }
  end_ = info;
  end_leftovers(look().after_end_of(identity_));
}

void process::ask_how_it_ended() {
  spawn_->wait(std::move(told_),
               [this, here = std::weak_ptr<bool>(here_)](const result<spawn_reply>& told) {
                 if (here.expired()) return;
                 if (told && told->answer.exit) end_told_ = *told->answer.exit;
                 struck_ = struck_ || (told && told->answer.out_of_memory);
                 end_leftovers_of_user();
               });
}

void process::end_leftovers_of_user() {
  const auto& mark = left_.mark();
  auto r = end_request(user_, mark);
  for (const auto& each : left_.noted())
    r.noted.emplace_back(each.pid, each.start_ticks);
  spawn_->ask(r, -1, [this, here = std::weak_ptr<bool>(here_)](const result<spawn_reply>& done) {
    if (here.expired()) return;
    if (!done) {
      spdlog::warn("event=leftovers_not_ended pid={} error=\"{}\"", identity_.pid,
                   done.error().detail);
    }
    finish();
  });
}

/// Before the leader is reaped: until then nobody else can get its number.
void process::end_leftovers(const process_table& table) {
  const auto how = left_.end(table, leftovers::clock::now());
  // A table in which not even we are could not be read, for want of descriptors.
  if (how == leftovers::progress::waiting || table.all().empty()) {
    left_timer_.expires_after(left_.pause());
    left_timer_.async_wait(
        [this, here = std::weak_ptr<bool>(here_)](boost::system::error_code failed) {
          if (!failed && !here.expired()) end_leftovers(look().fresh());
        });
    return;
  }
  if (how == leftovers::progress::given_up) {
    spdlog::warn("event=leftovers_not_ended pid={}", identity_.pid);
  }
  finish();
}

void process::finish() {
  if (child_) reap();
  const exit_status status = judge(spawn_ != nullptr ? end_told_ : exit_status_from(end_));
  const exit_handler handler = std::exchange(handler_, nullptr);
  handler(status);  // may destroy this
}

void process::set_mark(std::string kernel_id, std::string directory, std::string cgroup) {
  left_.set_mark({identity_, std::move(kernel_id), std::move(directory), std::move(cgroup)});
}

void process::note_descendants() {
  if (alive()) left_.note(look().recent(note_age));
}

void process::reap() noexcept {
  if (reaped_) return;
  siginfo_t info{};
  const int told = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_), &info, WEXITED | WNOHANG);
  reaped_ = told == 0 && info.si_pid != 0;
}

void process::kill_leftovers() noexcept {
  if (::pidfd_send_signal(pidfd_, SIGKILL, nullptr, signal_process_group) == 0) return;
  if (errno != EINVAL) return;  // ESRCH: nobody is left
  // Before Linux 6.9. An adopted leader may have been reaped: its number belongs to the group as
  // long as that has members, and if it names a process now, then it must be the same.
  if (!child_) {
    const auto found = identify(identity_.pid);
    if (found && *found != identity_) return;
  }
  ::kill(-identity_.pid, SIGKILL);
}

exit_status process::judge(exit_status waited) const {
  exit_status status = waited;
  if (!exit_file_.empty()) {
    exit_status noted = read_exit_file(exit_file_);
    if (noted.how != exit_status::cause::unknown) status = std::move(noted);
  }
  // systemd may end what is left of a scope more gently than the system ended its largest process.
  const bool killed =
      status.how == exit_status::cause::signaled && status.signal == SIGKILL && oom_.struck();
  if (!killed_by_us_ && (struck_ || killed)) {
    status.how = exit_status::cause::out_of_memory;
    status.signal = SIGKILL;
    status.detail = memory_limit_;
  }
  return status;
}

void process::destroy_now() noexcept {
  if (!child_ || reaped_) return;
  ::pidfd_send_signal(pidfd_, SIGKILL, nullptr, 0);
  pollfd waiting{pidfd_, POLLIN, 0};
  while (::poll(&waiting, 1, -1) < 0 && errno == EINTR) {
  }
  kill_leftovers();
  reap();
}

spawn_request end_request(std::string user, const kernel_mark& mark) {
  spawn_request r;
  r.what = spawn_request::kind::end;
  r.user = std::move(user);
  r.kernel_id = mark.id;
  r.directory = mark.directory;
  r.leader = mark.leader;
  return r;
}

exit_status read_exit_file(const std::string& path) {
  const auto text = read_file(path, max_exit_file);
  if (!text) return {};
  const auto status = parse_exit_status(*text);
  return status ? *status : exit_status{};
}

}  // namespace kmux::supervise
