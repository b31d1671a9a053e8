// kmux-child: one kernel's process, started by kmuxd; or the echo kernel by itself.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <malloc.h>
#include <netinet/in.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "proc/child/connection.hpp"
#include "proc/child/control_loop.hpp"
#include "proc/child/echo_interpreter.hpp"
#include "proc/child/options.hpp"
#include "proc/child/relay.hpp"
#include "proc/exec_strings.hpp"
#include "proc/leftovers.hpp"
#include <kmux/child/kernel.hpp>

namespace {

using namespace kmux;

constexpr int failed = 1;
constexpr int usage_error = 2;

constexpr std::string_view usage =
    "usage: kmux-child echo -f CONNECTION_FILE    the echo kernel, as any Jupyter kernel\n"
    "       kmux-child KIND --gate=FD             as kmuxd starts it: echo, relay, native\n";

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "kmux-child: {}\n", why);
  std::exit(failed);
}

/// A port that is free now. Another program may take it first: then the kernel fails, and is
/// started again with others. Only for kernels that cannot use ipc. `held`: no port in there is
/// given out twice.
int free_port(std::vector<unique_fd>& held) {
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::getsockname(fd.get(), generic, &size) != 0) {
    give_up("no free port on 127.0.0.1");
  }
  held.push_back(std::move(fd));
  return ntohs(address.sin_port);
}

connection_info inner_connection(const launch_spec& spec, const connection_info& outer) {
  if (spec.kernel_transport == "ipc") {
    return ipc_connection(spec.kernel_socket_prefix, outer.key, outer.kernel_name);
  }
  connection_info inner;
  inner.key = outer.key;
  inner.kernel_name = outer.kernel_name;
  std::vector<unique_fd> held;
  for (int* const port : {&inner.shell_port, &inner.iopub_port, &inner.stdin_port,
                          &inner.control_port, &inner.hb_port}) {
    *port = free_port(held);
  }
  return inner;
}

/// Ends as the kernel did, so that whoever waits for us learns the cause.
[[noreturn]] void end_like(const exit_status& status, const std::string& exit_file) {
  if (!exit_file.empty()) child::write_file(exit_file, write_exit_status(status));
  if (status.how == exit_status::cause::signaled) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::signal(status.signal, SIG_DFL);
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
    ::raise(status.signal);
  }
  std::_Exit(status.how == exit_status::cause::exited ? status.code : failed);
}

void run_echo(const std::string& connection_file) {
  child::echo_interpreter language;
  child::kernel(connection_file, language).run();
}

/// What the kernel's processes leave behind comes to us instead of init, and can be found.
void adopt_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/// Where the sockets between a relay and its kernel are, if nobody has made it: a short path, as
/// some kernels want it, in a directory that is the user's alone.
class socket_place {
public:
  explicit socket_place(launch_spec& spec) {
    if (spec.kernel_transport != "ipc" || !spec.kernel_socket_prefix.empty()) return;
    std::string pattern = "/tmp/kmux-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) give_up("no directory for sockets in /tmp");
    directory_ = pattern;
    spec.kernel_socket_prefix = pattern + "/k";
  }
  ~socket_place() {
    std::error_code ec;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ec);
  }
  socket_place(const socket_place&) = delete;
  socket_place& operator=(const socket_place&) = delete;

private:
  std::string directory_;
};

exit_status relay_kernel(launch_spec& spec) {
  connection_info outer = child::read_connection(spec.connection_file);
  const connection_info inner = inner_connection(spec, outer);
  for (const int port : {1, 2, 3, 4, 5}) {
    if (inner.transport == "ipc") ::unlink((inner.ip + "-" + std::to_string(port)).c_str());
  }
  child::write_file(spec.kernel_connection_file, write_connection_file(inner));
  auto kernel = child::kernel_process::start(spec);
  if (!kernel) {
    exit_status status;
    status.how = exit_status::cause::launch_failed;
    status.detail = kernel.error().detail;
    fmt::print(stderr, "kmux-child: {}\n", status.detail);
    return status;
  }
  child::relay between(outer, inner, spec, std::move(*kernel));
  return between.run();
}

[[noreturn]] void run_relay(launch_spec& spec) {
  adopt_orphans();
  exit_status status;
  {
    const socket_place sockets(spec);
    status = relay_kernel(spec);
  }
  if (status.how == exit_status::cause::launch_failed) end_like(status, spec.exit_file);
  if (const auto self = identify(::getpid())) {
    std::vector<leftovers> left;
    left.emplace_back(kernel_mark{*self, {}, {}, {}});
    end_leftovers(std::move(left));
  }
  end_like(status, spec.exit_file);
}

/// Becomes the kernel: it has our number, our place and our descriptors, and nothing of our
/// signals.
[[noreturn]] void run_native(const launch_spec& spec) {
  const exec_strings argv(spec.argv), env(assignments(spec.env));
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
  const auto path = spec.env.find("PATH");
  if (path != spec.env.end()) ::setenv("PATH", path->second.c_str(), 1);  // execvpe(3) looks here
  ::execvpe(argv.get()[0], argv.get(), env.get());
  give_up("cannot run " + spec.argv.front() + ": " + std::strerror(errno));
}

/// The kernel's limits are not a relay's: its memory and its descriptors carry the messages. But a
/// dump of it would hold them, too.
void limit_ourselves(const launch_spec& spec) {
  process_limits ours = spec.limits;
  if (spec.type == launch_spec::kind::relay) {
    ours = {};
    ours.core = spec.limits.core;
  }
  if (!set_nice(spec.limits) || !set_limits(ours)) {
    give_up(std::string("cannot set the kernel's limits: ") + std::strerror(errno) +
            ". Look at kernels.limit_* and kernels.nice.");
  }
}

/// What we were started with is the user's login: it is below what the daemon says.
void add_own_environment(environment& env) {
  for (char** each = ::environ; *each != nullptr; ++each) {
    const std::string_view text(*each);
    if (const auto equals = text.find('='); equals != std::string_view::npos && equals > 0) {
      env.try_emplace(std::string(text.substr(0, equals)), text.substr(equals + 1));
    }
  }
}

/// The nearest that the user may use, at or above what was asked for.
void find_directory(std::string& cwd) {
  std::filesystem::path here(cwd);
  while (::access(here.c_str(), X_OK) != 0 || !std::filesystem::is_directory(here)) {
    if (!here.has_relative_path()) break;
    here = here.parent_path();
  }
  cwd = here.string();
}

int run_gated(launch_spec::kind type, int gate_fd) {
  const unique_fd gate(gate_fd);
  const std::string text = child::read_all(gate.get());
  if (text.empty()) return 0;  // kmuxd ended before it had written our record
  auto spec = parse_launch_spec(text);
  if (!spec) give_up("the launch specification: " + spec.error().detail);
  if (spec->type != type) give_up("the launch specification is for another kind of child");
  limit_ourselves(*spec);
  if (spec->as_user) {
    add_own_environment(spec->env);
    find_directory(spec->cwd);
  }
  if (!spec->cwd.empty() && ::chdir(spec->cwd.c_str()) != 0) {
    fmt::print(stderr, "kmux-child: cannot use the directory {}\n", spec->cwd);
  }
  if (type == launch_spec::kind::relay) run_relay(*spec);
  if (type == launch_spec::kind::native) run_native(*spec);
  adopt_orphans();
  ::signal(SIGCHLD, SIG_IGN);  // nobody waits for them
  run_echo(spec->connection_file);
  exit_status done;
  done.how = exit_status::cause::exited;
  end_like(done, spec->exit_file);
}

}  // namespace

int main(int argc, char** argv) {
  // Hundreds of us share a machine: one heap, given back early.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 10);
  const std::vector<std::string> args(argv + 1, argv + argc);
  const auto kind = parse_kind(args.empty() ? "" : args[0]);
  if (!kind) {
    fmt::print(stderr, "{}", usage);
    return usage_error;
  }
  // Before any thread is made, so that all have them blocked.
  child::block_signals();
  try {
    if (const auto gate = child::option_value(args, "gate"); !gate.empty()) {
      return run_gated(*kind, std::atoi(gate.c_str()));
    }
    const auto file = child::option_value(args, "f");
    if (*kind != launch_spec::kind::echo || file.empty()) {
      fmt::print(stderr, "{}", usage);
      return usage_error;
    }
    run_echo(file);
    return 0;
  } catch (const std::exception& e) {
    give_up(e.what());
  }
}
