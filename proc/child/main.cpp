// kmux-child: one kernel's process, started by kmuxd; or the echo kernel by itself.
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <malloc.h>
#include <netinet/in.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "proc/child/control_loop.hpp"
#include "proc/child/echo_interpreter.hpp"
#include "proc/child/kernel_host.hpp"
#include "proc/child/relay.hpp"

namespace {

using namespace kmux;

constexpr int failed = 1;
constexpr int usage_error = 2;

constexpr std::string_view usage =
    "usage: kmux-child echo -f CONNECTION_FILE    the echo kernel, as any Jupyter kernel\n"
    "       kmux-child echo|relay --gate=FD       as kmuxd starts it\n";

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "kmux-child: {}\n", why);
  std::exit(failed);
}

std::string read_all(int fd) {
  std::string out;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string read_file(const std::string& path) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) give_up("cannot read " + path);
  return read_all(fd.get());
}

void write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  {
    const unique_fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      give_up("cannot write " + path);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("cannot write " + path);
}

connection_info read_connection(const std::string& path) {
  auto info = parse_connection_file(read_file(path));
  if (!info) give_up(path + ": " + info.error().detail);
  return *info;
}

/// A port that is free now. Another program may take it first: then the kernel fails, and is
/// started again with others. Only for kernels that cannot use ipc.
int free_port() {
  const unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::getsockname(fd.get(), generic, &size) != 0) {
    give_up("no free port on 127.0.0.1");
  }
  return ntohs(address.sin_port);
}

connection_info inner_connection(const launch_spec& spec, const connection_info& outer) {
  if (spec.kernel_transport == "ipc") {
    return ipc_connection(spec.kernel_socket_prefix, outer.key, outer.kernel_name);
  }
  connection_info inner;
  inner.key = outer.key;
  inner.kernel_name = outer.kernel_name;
  for (int* const port : {&inner.shell_port, &inner.iopub_port, &inner.stdin_port,
                          &inner.control_port, &inner.hb_port}) {
    *port = free_port();
  }
  return inner;
}

/// Ends as the kernel did, so that whoever waits for us learns the cause.
[[noreturn]] void end_like(const exit_status& status, const std::string& exit_file) {
  if (!exit_file.empty()) write_file(exit_file, write_exit_status(status));
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

void run_echo(connection_info where, const std::string& written_back) {
  child::echo_interpreter language;
  const connection_info before = where;
  child::kernel_host host(where, language);
  if (where != before) write_file(written_back, write_connection_file(where));
  host.run();
}

[[noreturn]] void run_relay(const launch_spec& spec) {
  connection_info outer = read_connection(spec.connection_file);
  const connection_info inner = inner_connection(spec, outer);
  for (const int port : {1, 2, 3, 4, 5}) {
    if (inner.transport == "ipc") ::unlink((inner.ip + "-" + std::to_string(port)).c_str());
  }
  write_file(spec.kernel_connection_file, write_connection_file(inner));
  auto kernel = child::kernel_process::start(spec);
  if (!kernel) {
    exit_status status;
    status.how = exit_status::cause::launch_failed;
    status.detail = kernel.error().detail;
    fmt::print(stderr, "kmux-child: {}\n", status.detail);
    end_like(status, spec.exit_file);
  }
  exit_status status;
  {
    child::relay between(outer, inner, spec, std::move(*kernel));
    status = between.run();
  }
  end_like(status, spec.exit_file);
}

int run_gated(launch_spec::kind type, int gate_fd) {
  const unique_fd gate(gate_fd);
  const std::string text = read_all(gate.get());
  if (text.empty()) return 0;  // kmuxd ended before it had written our record
  const auto spec = parse_launch_spec(text);
  if (!spec) give_up("the launch specification: " + spec.error().detail);
  if (spec->type != type) give_up("the launch specification is for another kind of child");
  if (!spec->cwd.empty() && ::chdir(spec->cwd.c_str()) != 0) {
    fmt::print(stderr, "kmux-child: cannot use the directory {}\n", spec->cwd);
  }
  if (type == launch_spec::kind::relay) run_relay(*spec);
  run_echo(read_connection(spec->connection_file), spec->connection_file);
  exit_status done;
  done.how = exit_status::cause::exited;
  end_like(done, spec->exit_file);
}

/// The value of --NAME=VALUE, or of -f VALUE / --f VALUE; empty if it is not there.
std::string option_value(const std::vector<std::string>& args, const std::string& name) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i].starts_with("--" + name + "=")) return args[i].substr(name.size() + 3);
    const bool here = args[i] == "--" + name || (name.size() == 1 && args[i] == "-" + name);
    if (here && i + 1 < args.size()) return args[i + 1];
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  // Hundreds of us share a machine: one heap, given back early.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 10);
  const std::vector<std::string> args(argv + 1, argv + argc);
  const bool relay = !args.empty() && args[0] == "relay";
  if (!relay && (args.empty() || args[0] != "echo")) {
    fmt::print(stderr, "{}", usage);
    return usage_error;
  }
  // Before any thread is made, so that all have them blocked.
  child::block_signals();
  try {
    if (const auto gate = option_value(args, "gate"); !gate.empty()) {
      return run_gated(relay ? launch_spec::kind::relay : launch_spec::kind::echo,
                       std::atoi(gate.c_str()));
    }
    const auto file = option_value(args, "f");
    if (relay || file.empty()) {
      fmt::print(stderr, "{}", usage);
      return usage_error;
    }
    run_echo(read_connection(file), file);
    return 0;
  } catch (const std::exception& e) {
    give_up(e.what());
  }
}
