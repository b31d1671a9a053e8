// How a kernel is started: from its kernelspec to a process with a record.
#include <filesystem>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "daemon/http/text.hpp"
#include "daemon/kernels/kernel.hpp"
#include "protocol/ids.hpp"

namespace kmux::daemon {

namespace fs = std::filesystem;

namespace {

/// As execvpe(3) would look; empty where there is none.
bool is_program(const std::string& name, const environment& env, const std::string& cwd) {
  if (name.find('/') != std::string::npos) {
    const fs::path path = fs::path(name).is_absolute() ? fs::path(name) : fs::path(cwd) / name;
    return ::access(path.c_str(), X_OK) == 0;
  }
  const auto path = env.find("PATH");
  std::string_view rest = "/usr/local/bin:/usr/bin:/bin";
  if (path != env.end()) rest = path->second;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    const fs::path candidate = fs::path(rest.substr(0, colon)) / name;
    if (::access(candidate.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return false;
}

std::string prefix_of(const std::string& resource_dir) {
  // PREFIX/share/jupyter/kernels/NAME, as {prefix} means it.
  const fs::path share = fs::path(resource_dir).parent_path().parent_path().parent_path();
  return share.filename() == "share" ? share.parent_path().string() : "/usr";
}

}  // namespace

/// The kernel's connection file; made at the first launch and kept over restarts, so that id, key
/// and endpoints stay.
result<connection_info> kernel::connection() {
  const std::string file = services_.directories.connection_file(id());
  if (const auto text = supervise::read_file(file)) {
    auto known = parse_connection_file(*text);
    if (!known) return known;
    for (const auto& each :
         {known->shell(), known->iopub(), known->stdin_(), known->control(), known->hb()}) {
      if (const auto usable = parse_zmtp_endpoint(each); !usable) return usable.error();
    }
    return known;
  }
  auto prefix = services_.directories.choose_socket_prefix(id());
  if (!prefix) return prefix.error();
  record_.socket_prefix = *prefix;
  auto info = ipc_connection(*prefix, random_hex(32), record_.kernelspec);
  if (auto written = supervise::write_file(file, write_connection_file(info)); !written) {
    return written.error();
  }
  return info;
}

/// The same with what may be another at each launch.
result<void> kernel::write_connection() {
  auto where = connection();
  if (!where) return where.error();
  where->journal.reset();
  if (keeps_journal()) {
    where->journal = services_.settings.journal;
    where->journal->directory = journal_directory();
    where->journal->after = head_;
  }
  return supervise::write_file(services_.directories.connection_file(id()),
                               write_connection_file(*where));
}

result<launch_spec> kernel::make_spec() {
  const auto found = services_.specs.find(record_.kernelspec);
  if (!found) return found.error();
  const auto& files = services_.directories;
  launch_spec spec;
  spec.type = found->host;
  spec.kernel_id = id();
  spec.connection_file = files.connection_file(id());
  spec.cwd = record_.cwd;
  spec.stdio_log = files.stdio_log(id());
  spec.stdio_limit = services_.settings.stdio_limit;
  spec.exit_file = files.exit_file(id());
  spec.limits = services_.settings.limits;
  relayed_ = spec.type == launch_spec::kind::relay;
  interrupt_by_message_ = found->spec.interrupt_mode == "message";
  if (spec.type == launch_spec::kind::echo) return spec;

  const bool native = spec.type == launch_spec::kind::native;
  if (!native) spec.kernel_connection_file = files.kernel_runtime(id()) + "/kernel.json";
  for (const auto& name : services_.settings.tcp) {
    if (iequals(name, found->name)) spec.kernel_transport = "tcp";
  }
  spec.interrupt_by_message = interrupt_by_message_;
  spec.argv =
      expand_argv(found->spec.argv, {native ? spec.connection_file : spec.kernel_connection_file,
                                     found->resource_dir, prefix_of(found->resource_dir)});
  spec.env = expand_env(services_.settings.base_env, found->spec.env);
  for (const auto& [name, value] : record_.env)
    spec.env[name] = value;
  mark(spec.env);
  if (spec.argv.empty() || !is_program(spec.argv.front(), spec.env, spec.cwd)) {
    return error{errc::not_found, "The kernelspec " + found->name +
                                      " names a program that is not there: " +
                                      (spec.argv.empty() ? "(argv is empty)" : spec.argv.front()) +
                                      ". Install it, or mend the kernelspec."};
  }
  return spec;
}

/// By this the kernel's processes are found, wherever they go: proc/leftovers.
void kernel::mark(environment& env) const {
  env[std::string(kernel_id_variable)] = id();
  env[std::string(kernel_directory_variable)] = services_.directories.kernel_runtime(id());
}

/// Where the sockets between a relay and its kernel are; anew where that is not ours any more.
result<std::string> kernel::kernel_sockets() {
  if (!supervise::directories::owns_sockets(record_.kernel_socket_prefix)) {
    auto chosen = supervise::directories::choose_short_socket_prefix();
    if (!chosen) return chosen.error();
    record_.kernel_socket_prefix = *chosen;
  }
  return record_.kernel_socket_prefix;
}

result<void> kernel::try_launch() {
  if (auto made = services_.directories.create_kernel(id()); !made) return made.error();
  lost_ = false;
  dead_why_.clear();
  if (const auto written = write_connection(); !written) return written;
  auto spec = make_spec();
  if (!spec) return spec.error();
  if (spec->type == launch_spec::kind::relay && spec->kernel_transport == "ipc") {
    auto prefix = kernel_sockets();
    if (!prefix) return prefix.error();
    spec->kernel_socket_prefix = std::move(*prefix);
  }
  supervise::spawner::request request;
  request.type = spec->type;
  request.kernel_id = id();
  request.env = services_.settings.base_env;
  mark(request.env);
  request.stdio_log = spec->stdio_log;
  auto held = services_.spawner.spawn(request);
  if (!held) return held.error();
  if (auto entered = enter_cgroup(held->identity().pid); !entered) return entered;
  // There is never a kernel without a record: it is written while the child waits at its gate.
  record_.process = held->identity();
  record_.exit_file = spec->exit_file;
  record_.wanted = "running";
  save();
  save_summary();
  auto process = held->release(*spec);
  if (!process) return process.error();
  spdlog::info("event=kernel_launched kernel={} spec={} owner={} pid={}", id(), record_.kernelspec,
               record_.owner, record_.process.pid);
  watch(std::move(*process));
  return {};
}

}  // namespace kmux::daemon
