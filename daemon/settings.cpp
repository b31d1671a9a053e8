#include "daemon/settings.hpp"

#include <charconv>
#include <cstdlib>
#include <unistd.h>

#include "config/cull_rule.hpp"
#include "config/units.hpp"
#include "daemon/kernels/environment_rules.hpp"

namespace kmux::daemon {

namespace {

/// The daemon's variables that kernels get, by name or by "PREFIX*".
environment inherited(const std::vector<std::string>& wanted) {
  environment out;
  for (char** each = ::environ; *each != nullptr; ++each) {
    const std::string_view text(*each);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = text.substr(0, equals);
    if (is_named(wanted, name)) {
      out.insert_or_assign(std::string(name), std::string(text.substr(equals + 1)));
    }
  }
  out.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  // What jupyter_kernel_gateway says, too: libraries ask it.
  out.insert_or_assign("KERNEL_GATEWAY", "1");
  return out;
}

}  // namespace

connection_settings connection_settings_from(const config::config& c) {
  connection_settings s;
  s.limits.max_bytes = c.limits.max_header_bytes;
  s.limits.max_headers = c.limits.max_headers;
  s.limits.max_body = c.limits.max_body_bytes;
  s.websocket.max_message = c.limits.max_message_from_client;
  s.header_timeout = c.limits.header_timeout;
  s.body_timeout = c.limits.body_timeout;
  s.idle_timeout = c.limits.idle_timeout;
  s.max_receiving = c.limits.max_receiving_bytes;
  return s;
}

namespace {

cull_settings cull_settings_from(const config::culling_config& c) {
  cull_settings s;
  s.all.limits = {c.idle_timeout, c.max_age};
  s.all.interval = c.interval;
  s.all.warning = c.warning;
  s.all.busy = c.busy;
  s.all.connected = c.connected;
  s.all.dry_run = c.dry_run;
  for (const auto& text : c.rules) {
    std::string problem;
    const auto rule = config::parse_cull_rule(text, problem);
    if (!rule) continue;  // the configuration has checked them
    s.rules.push_back({rule->kernelspec, rule->owner, rule->idle_timeout, rule->max_age});
  }
  return s;
}

}  // namespace

kernel_settings kernel_settings_from(const config::config& c) {
  const auto& k = c.kernels;
  kernel_settings s;
  s.life.stop.message = k.stop_message;
  s.life.stop.term = k.stop_term;
  s.life.restart.enabled = k.restart;
  s.life.restart.limit = k.restart_limit;
  s.life.restart.first = k.restart_first_delay;
  s.life.restart.longest = k.restart_max_delay;
  s.life.restart.stable_for = k.stable_after;
  s.life.connect_within = k.connect_timeout;
  s.heartbeat.interval = k.heartbeat_interval;
  s.heartbeat.late_after = k.heartbeat_late;
  s.heartbeat.silent_after = k.heartbeat_silent;
  s.restart_when_silent = k.heartbeat_action == "restart";
  s.kernel_message_limits.max_bytes = c.limits.max_message_from_kernel;
  s.kernel_message_limits.max_header_bytes = 2 << 20;  // a kernel repeats what a client made long
  s.client_message_limits.max_bytes = c.limits.max_message_from_client;
  s.client_queue_bytes = c.limits.client_queue_bytes;
  s.stdio_limit = k.stdio_limit;
  s.limits = {.memory = k.limit_memory,
              .processes = k.limit_processes,
              .cpu_seconds = static_cast<std::uint64_t>((k.limit_cpu.count() + 999) / 1000),
              .files = k.limit_files,
              .file_size = k.limit_file_size,
              .core = k.limit_core,
              .nice = k.nice};
  s.cgroup_limits = {k.limit_memory, k.limit_processes,
                     config::parse_processors(k.limit_cpus).value_or(0)};
  s.journal.most_bytes = c.journal.max_bytes;
  s.journal.most_age = static_cast<std::uint64_t>(c.journal.max_age.count() / 1000);
  s.journal.sync = static_cast<std::uint64_t>(c.journal.sync.count());
  s.journal.code = c.journal.code;
  s.base_env = inherited(k.inherit);
  s.tcp = k.tcp;
  s.culling = cull_settings_from(c.culling);
  return s;
}

kernel_manager::settings manager_settings_from(const config::config& c) {
  const char* const home = std::getenv("HOME");
  return {c.kernels.root_dir,
          home != nullptr ? home : "/",
          c.kernels.max_kernels,
          c.kernels.max_per_owner,
          {c.kernels.env_deny, c.kernels.env_allow}};
}

spec_store::settings spec_settings_from(const config::config& c) {
  return {c.kernels.path,
          c.kernels.default_name,
          c.kernels.echo,
          {find_python_package(), c.kernels.python},
          c.kernels.native};
}

listen_address listen_address_from(std::string_view text) {
  listen_address out;
  if (text.starts_with("unix:")) {
    out.path = text.substr(5);
    return out;
  }
  const auto colon = text.rfind(':');
  out.host = text.substr(0, colon);
  if (out.host.starts_with('[')) out.host = out.host.substr(1, out.host.size() - 2);
  if (out.host == "localhost") out.host = "127.0.0.1";
  const auto port = text.substr(colon + 1);
  std::from_chars(port.data(), port.data() + port.size(), out.port);
  return out;
}

}  // namespace kmux::daemon
