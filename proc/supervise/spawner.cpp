#include "proc/supervise/spawner.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <utility>

#include <boost/asio/post.hpp>

#include "proc/exec_strings.hpp"
#include "proc/supervise/spawn_plan.hpp"

namespace kmux::supervise {
namespace {

constexpr int gate_in_child = 3;

error system_error(const std::string& what, int number) {
  return {errc_of(number), what + ": " + std::strerror(number)};
}

/// Above the numbers that the child's descriptors get, so that no dup2(2) there overwrites another.
unique_fd moved_up(unique_fd fd) {
  if (!fd || fd.get() > gate_in_child) return fd;
  return unique_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, gate_in_child + 1));
}

unique_fd open_nothing() {
  return moved_up(unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
}

/// A kernel may have put anything there: to open a fifo would wait for a reader.
result<unique_fd> open_log(const std::string& path) {
  constexpr int flags =
      O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  unique_fd fd = moved_up(unique_fd(::open(path.c_str(), flags, 0600)));
  struct stat about {};
  if (!fd || ::fstat(fd.get(), &about) != 0) return system_error("cannot open " + path, errno);
  if (!S_ISREG(about.st_mode)) {
    return error{errc::io, path + " is not a regular file: remove it"};
  }
  ::fcntl(fd.get(), F_SETFL, O_APPEND);  // the child's, too
  return fd;
}

result<void> fill_gate(int gate, const std::string& text) {
  const int size = static_cast<int>(text.size());
  if (::fcntl(gate, F_GETPIPE_SZ) < size && ::fcntl(gate, F_SETPIPE_SZ, size) < 0) {
    return system_error(
        "cannot enlarge the pipe for a launch spec of " + std::to_string(size) + " bytes", errno);
  }
  const ssize_t written = ::write(gate, text.data(), text.size());
  if (written == size) return {};
  return system_error("cannot hand over the launch spec", written < 0 ? errno : EAGAIN);
}

struct gate_ends {
  unique_fd read, write;
};

result<gate_ends> make_gate() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
  gate_ends out{moved_up(unique_fd(ends[0])), unique_fd(ends[1])};
  if (!out.read) return system_error("cannot make a pipe", errno);
  ::fcntl(out.write.get(), F_SETFL, O_NONBLOCK);  // a full pipe is an error, never a wait
  return out;
}

}  // namespace

held_child::held_child(std::unique_ptr<process> child, unique_fd gate_read, unique_fd gate_write,
                       std::string cgroup)
    : process_(std::move(child)),
      gate_read_(std::move(gate_read)),
      gate_write_(std::move(gate_write)),
      cgroup_(std::move(cgroup)) {
}

held_child::~held_child() {
  if (process_) process_->destroy_now();
}

result<std::unique_ptr<process>> held_child::release(const launch_spec& spec,
                                                     const std::string& cgroup) {
  const std::string text = write_launch_spec(spec);
  if (text.size() > max_launch_spec_size) {
    return error{errc::too_large, "the kernel's arguments and environment are longer than 1 MiB"};
  }
  if (!spec.exit_file.empty() && ::unlink(spec.exit_file.c_str()) != 0 && errno != ENOENT) {
    return system_error("cannot remove " + spec.exit_file, errno);
  }
  process_->count_kills(cgroup);
  if (auto written = fill_gate(gate_write_.get(), text); !written) return written.error();
  gate_write_.reset();
  gate_read_.reset();
  process_->set_exit_file(spec.exit_file);
  return std::move(process_);
}

result<held_child> spawner::spawn(const request& wanted) {
  auto gate = make_gate();
  if (!gate) return gate.error();
  const unique_fd nothing = open_nothing();
  if (!nothing) return system_error("cannot start " + program_, errno);
  unique_fd log;
  if (!wanted.stdio_log.empty()) {
    auto opened = open_log(wanted.stdio_log);
    if (!opened) return opened.error();
    log = std::move(*opened);
  }
  const int output = log ? log.get() : nothing.get();

  const exec_strings argv({"kmux-child", std::string(to_string(wanted.type)),
                           "--gate=" + std::to_string(gate_in_child), "--id=" + wanted.kernel_id});
  const exec_strings env(assignments(wanted.env));

  spawn_plan plan(POSIX_SPAWN_SETSID);
  if (!plan.give(nothing.get(), 0) || !plan.give(output, 1) || !plan.give(output, 2) ||
      !plan.give(gate->read.get(), gate_in_child) || !plan.close_from(gate_in_child + 1)) {
    return system_error("cannot start " + program_, ENOMEM);
  }
  pid_t pid = -1;
  if (const int failed = plan.run(program_, argv.get(), env.get(), pid)) {
    return system_error("cannot start " + program_, failed);
  }
  auto child = process::from_child(io_, pid);
  if (!child) {
    ::kill(pid, SIGKILL);  // ours and not reaped: the number cannot be another's
    ::waitpid(pid, nullptr, 0);
    return child.error();
  }
  return held_child(std::move(*child), std::move(gate->read), std::move(gate->write));
}

void spawner::spawn_as(const spawn_request& wanted, spawned done) {
  auto gate = make_gate();
  if (!gate) return boost::asio::post(io_, [done, why = gate.error()] { done(why); });
  const int reading = gate->read.get();
  // Handlers are copied; what they own is not.
  const auto kept = std::make_shared<gate_ends>(std::move(*gate));
  others_.ask(wanted, reading, [this, kept, user = wanted.user, done](result<spawn_reply> reply) {
    if (!reply) return done(reply.error());
    const std::string cgroup = reply->answer.cgroup;
    auto child = process::from_spawned(io_, std::move(*reply), others_, user);
    if (!child) return done(child.error());
    done(held_child(std::move(*child), std::move(kept->read), std::move(kept->write), cgroup));
  });
}

}  // namespace kmux::supervise
