// How a kernel is started: from its kernelspec to a process with a record.
#include <filesystem>
#include <unistd.h>

#include "daemon/http/text.hpp"
#include "daemon/http/trace_context.hpp"
#include "daemon/kernels/kernel.hpp"
#include "daemon/system/log.hpp"
#include "protocol/ids.hpp"

namespace kmux::daemon {

namespace fs = std::filesystem;
namespace on = supervise::kernel_event;

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

bool is_in(const environment& env, const environment::value_type& one) {
  const auto found = env.find(one.first);
  return found != env.end() && found->second == one.second;
}

/// Says something of the daemon's user, and nothing of another.
bool is_personal(std::string_view name) {
  return name == "HOME" || name == "USER" || name == "LOGNAME" || name == "SHELL" ||
         name == "TMPDIR" || name.starts_with("XDG_");
}

std::string prefix_of(const std::string& resource_dir) {
  // PREFIX/share/jupyter/kernels/NAME, as {prefix} means it.
  const fs::path share = fs::path(resource_dir).parent_path().parent_path().parent_path();
  return share.filename() == "share" ? share.parent_path().string() : "/usr";
}

}  // namespace

/// Whose process runs: the owner's, where kmux-spawn can start it.
result<void> kernel::choose_user() {
  record_.user.clear();
  if (!services_.spawner.others().on()) return {};
  auto found = find_account(record_.owner);
  if (!found) return found.error();
  account_ = std::move(*found);
  record_.user = record_.owner;
  return {};
}

std::optional<uid_t> kernel::peer_uid() const {
  return record_.user.empty() ? std::nullopt : std::optional(account_.uid);
}

/// The kernel's connection file; made at the first launch and kept over restarts, so that id, key
/// and endpoints stay. As long as the kernel can bind there: not where it becomes another user's.
result<connection_info> kernel::connection() {
  const std::string file = services_.directories.connection_file(id());
  const auto text = supervise::read_file(file);
  // Another file would part clients and kernel: it is there, and can be read later.
  if (!text && text.error().code == errc::exhausted) return text.error();
  auto known = text ? parse_connection_file(*text) : result<connection_info>(text.error());
  if (text && !known) return known;
  const bool bindable =
      known && (record_.user.empty() ||
                known->ip.starts_with(services_.directories.written_runtime(id()) + "/"));
  if (bindable) {
    for (const auto& each :
         {known->shell(), known->iopub(), known->stdin_(), known->control(), known->hb()}) {
      if (const auto usable = parse_zmtp_endpoint(each); !usable) return usable.error();
    }
    return known;
  }
  auto prefix = services_.directories.choose_socket_prefix(id());
  if (!prefix) return prefix.error();
  record_.socket_prefix = *prefix;
  auto info = ipc_connection(*prefix, secret(random_hex(32)), record_.kernelspec);
  if (auto written = supervise::write_file(file, write_connection_file(info)); !written) {
    return written.error();
  }
  return info;
}

/// The same with what may be another at each launch.
result<void> kernel::write_connection() {
  const auto found = connection();
  if (!found) return found.error();
  connection_info where = *found;
  where.journal = journal_place();
  return supervise::write_file(services_.directories.connection_file(id()),
                               write_connection_file(where));
}

std::optional<journal_info> kernel::journal_place() const {
  if (!keeps_journal()) return std::nullopt;
  journal_info out = services_.settings.journal;
  out.directory = journal_directory();
  out.after = head_;
  return out;
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

  spec.as_user = !record_.user.empty();
  const bool native = spec.type == launch_spec::kind::native;
  if (!native) spec.kernel_connection_file = files.written_runtime(id()) + "/kernel.json";
  for (const auto& name : services_.settings.tcp) {
    if (iequals(name, found->name)) spec.kernel_transport = "tcp";
  }
  spec.interrupt_by_message = interrupt_by_message_;
  spec.argv =
      expand_argv(found->spec.argv, {native ? spec.connection_file : spec.kernel_connection_file,
                                     found->resource_dir, prefix_of(found->resource_dir)});
  const auto base = inherited_env();
  spec.env = expand_env(base, found->spec.env);
  // What stays as it was comes with the user's login, which may know better.
  if (spec.as_user) std::erase_if(spec.env, [&](const auto& each) { return is_in(base, each); });
  for (const auto& [name, value] : record_.env)
    spec.env[name] = value;
  mark(spec.env);
  // What another user can see we cannot know.
  const bool there =
      !spec.argv.empty() && (spec.as_user || is_program(spec.argv.front(), spec.env, spec.cwd));
  if (!there) {
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

/// What kernels have of the daemon's environment; of another user's, what is the user's.
environment kernel::inherited_env() const {
  environment out = services_.settings.base_env;
  if (record_.user.empty()) return out;
  std::erase_if(out, [](const auto& each) { return is_personal(each.first); });
  out["HOME"] = account_.home;
  out["USER"] = out["LOGNAME"] = account_.name;
  out["SHELL"] = account_.shell;
  return out;
}

/// Everything but the process.
result<launch_spec> kernel::prepare_launch() {
  const auto& files = services_.directories;
  if (const auto user = choose_user(); !user) return user.error();
  if (auto made = files.create_kernel(id()); !made) return made.error();
  if (!record_.user.empty()) {
    if (auto shared = files.share_kernel(id(), account_.uid); !shared) return shared.error();
  }
  lost_ = false;
  dead_why_.clear();
  if (const auto written = write_connection(); !written) return written.error();
  auto spec = make_spec();
  const bool inner = spec && !spec->as_user && spec->type == launch_spec::kind::relay &&
                     spec->kernel_transport == "ipc";
  if (!inner) return spec;
  auto prefix = kernel_sockets();
  if (!prefix) return prefix.error();
  spec->kernel_socket_prefix = std::move(*prefix);
  return spec;
}

supervise::spawner::request kernel::own_request(const launch_spec& spec) const {
  supervise::spawner::request out;
  out.type = spec.type;
  out.kernel_id = id();
  out.env = services_.settings.base_env;
  mark(out.env);
  out.stdio_log = spec.stdio_log;
  return out;
}

spawn_request kernel::users_request(const launch_spec& spec) const {
  spawn_request out;
  out.user = record_.user;
  out.kernel_id = id();
  out.child = spec.type;
  out.stdio_log = spec.stdio_log;
  if (const auto found = services_.specs.find(record_.kernelspec)) {
    out.spec_dir = found->resource_dir;
  }
  out.env = inherited_env();
  mark(out.env);
  const auto& limits = services_.settings.cgroup_limits;
  out.memory = limits.memory;
  out.processes = limits.processes;
  out.cpus = limits.cpus;
  return out;
}

result<void> kernel::try_let_go(supervise::held_child held, const launch_spec& spec) {
  if (auto entered = enter_cgroup(held); !entered) return entered;
  // There is never a kernel without a record: it is written while the child waits at its gate.
  record_.process = held.identity();
  record_.exit_file = spec.exit_file;
  // Its end may have been asked for meanwhile: that must outlive us.
  if (fsm_.now() != supervise::kernel_fsm::state::stopping) record_.wanted = "running";
  if (auto saved = save(); !saved) return saved;
  save_summary();
  auto process = held.release(spec, record_.cgroup);
  if (!process) return process.error();
  const auto told = record_.env.find("TRACEPARENT");
  const auto traceparent = told == record_.env.end() ? "" : parse_traceparent(told->second);
  const trace_scope traced(trace_id_of(traceparent));
  say("kernel_launched",
      {{"spec", record_.kernelspec}, {"owner", record_.owner}, {"pid", record_.process.pid}});
  if (!fresh_) say("kernel_restarted", {{"restarts", fsm_.restarts()}});
  watch(std::move(*process));
  return {};
}

void kernel::launch() {
  adopted_ = false;
  starting_.reset();
  starting_.start();
  activity_.starting(std::chrono::system_clock::now());
  auto spec = prepare_launch();
  if (!spec) return launch_failed(spec.error());
  auto& spawner = services_.spawner;
  if (record_.user.empty()) return let_go(spawner.spawn(own_request(*spec)), *spec);
  launching_ = std::make_shared<bool>(true);
  const auto kept = std::make_shared<launch_spec>(std::move(*spec));
  const std::weak_ptr<bool> wanted = launching_;
  spawner.spawn_as(users_request(*kept), [this, wanted, kept](result<supervise::held_child> held) {
    if (!wanted.expired()) let_go(std::move(held), *kept);
  });
}

void kernel::let_go(result<supervise::held_child> held, const launch_spec& spec) {
  launching_.reset();
  if (!held) return launch_failed(held.error());
  if (const auto done = try_let_go(std::move(*held), spec); !done) {
    return launch_failed(done.error());
  }
  fresh_ = false;
  feed(on::launched{});
}

void kernel::launch_failed(const error& why) {
  exit_status status;
  status.how = exit_status::cause::launch_failed;
  status.detail = why.detail;
  services_.counted.count(death::launch_failed);
  record_.process = {};
  record_.last_exit = status;
  leave_cgroup();
  save();
  const std::string told = "The kernel " + describe(status);
  feed(on::launch_failed{std::move(status)});
  if (!std::exchange(fresh_, false)) return;
  start_failure_ = error{why.code == errc::refused ? why.code : errc::io, told};
  feed(on::user_stop{});  // nobody could do anything with it
}

}  // namespace kmux::daemon
