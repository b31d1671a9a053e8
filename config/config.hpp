#pragma once
// What the administrator says, as plain values with their defaults. No behaviour.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "protocol/secret.hpp"

namespace kmux::config {

using std::chrono::milliseconds;

struct server_config {
  std::vector<std::string> listen = {"127.0.0.1:8888"};  ///< HOST:PORT, [::1]:PORT or unix:PATH
  std::string base_url = "/";                            ///< begins and ends with '/'
  std::string on_exit = "keep";      ///< kernels at the daemon's end: "keep" or "stop"
  std::string allow_origin;          ///< CORS: "*", one origin, or none
  std::vector<std::string> hosts;    ///< further names of this machine
  std::vector<std::string> proxies;  ///< IP addresses whose X-Forwarded-For is believed
  bool insecure = false;             ///< HTTP without TLS beyond this machine
  std::string tls_cert, tls_key;     ///< PEM files; empty: no TLS
  std::string tls_client_ca;         ///< PEM file; empty: no client certificates
  milliseconds stuck_after{10'000};
};

struct auth_config {
  secret token;             ///< from the environment only
  std::string token_file;   ///< one token, an administrator's
  std::string tokens_file;  ///< resolved by load(): never empty there
  std::string user_header;  ///< in which a trusted front names the user
  std::string admin_group;  ///< of Unix peers
  std::string audit_log;    ///< resolved by load(); "off": none
  std::string audit = "changes";
};

/// What JupyterHub tells the services and single-user servers it starts, in their environment, and
/// what the configuration adds.
struct hub_config {
  std::string api_url;  ///< without a slash at its end; empty: no Hub
  secret api_token;
  std::string base_url = "/";  ///< the Hub's own
  std::string host;            ///< its public host where users have subdomains, else empty
  std::string service_prefix;  ///< begins and ends with '/'
  std::string service_name;
  std::string client_id;
  std::string callback_url;
  std::string access_scopes = "[]";  ///< JSON; a requester needs one of them
  std::string user, server_name;     ///< of a single-user server, else empty
  std::string activity_url;
  milliseconds activity_interval{300'000};
  bool websocket_cookies = true;
  std::string ssl_key, ssl_cert, ssl_ca;  ///< of connections within the Hub (internal_ssl)

  std::string enabled = "auto";
  milliseconds cache{300'000};
  milliseconds timeout{5'000};
  std::vector<std::string> admins;  ///< users of the Hub
  std::vector<std::string> fronts;  ///< services of the Hub that may act for its users

  bool on() const { return !api_url.empty(); }
};

struct kernels_config {
  std::string default_name = "python3";
  std::vector<std::string> path;    ///< further directories of kernelspecs
  bool echo = false;                ///< list the built-in echo kernel
  std::string python = "python3";   ///< what runs the built-in Python kernel
  std::vector<std::string> native;  ///< ipykernel's specs that the built-in runtime hosts
  std::vector<std::string> tcp;     ///< kernelspecs whose kernels cannot use ipc
  std::vector<std::string> inherit = {"PATH",
                                      "HOME",
                                      "USER",
                                      "LOGNAME",
                                      "SHELL",
                                      "LANG",
                                      "LC_*",
                                      "TZ",
                                      "TMPDIR",
                                      "XDG_*",
                                      "JUPYTER_PATH",
                                      "JUPYTER_DATA_DIR",
                                      "LD_LIBRARY_PATH",
                                      "PYTHONPATH"};
  std::vector<std::string> env_deny = {  ///< what a request may not set
      // read by loaders and languages before a kernel's own code runs
      "PATH", "LD_*", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "HOSTALIASES", "RES_OPTIONS",
      "OPENSSL_*", "ENV", "BASH*", "SHELLOPTS", "IFS", "PS4", "ZDOTDIR", "PYTHON*", "PERL5*",
      "PERLLIB", "RUBYLIB", "RUBYOPT", "NODE_OPTIONS", "NODE_PATH", "R_PROFILE*", "R_ENVIRON*",
      "JULIA_LOAD_PATH", "JULIA_DEPOT_PATH", "LUA_*", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS",
      "_JAVA_OPTIONS", "CLASSPATH",
      // the daemon's own, and what belongs to whoever started it
      "KMUX_*", "JUPYTERHUB_*", "JPY_PARENT_PID", "NOTIFY_SOCKET", "LISTEN_*", "WATCHDOG_*",
      "CREDENTIALS_DIRECTORY"};
  std::vector<std::string> env_allow;  ///< what it may set all the same
  std::string spawn;              ///< kmux-spawn's socket: kernels as their owners; empty: as us
  std::string root_dir;           ///< where a request's path begins; empty: the home directory
  std::size_t max_kernels = 0;    ///< 0: no limit
  std::size_t max_per_owner = 0;  ///< 0: no limit
  bool restart = true;            ///< after a death
  int restart_limit = 5;
  milliseconds restart_first_delay{100};
  milliseconds restart_max_delay{30'000};
  milliseconds stable_after{10'000};
  milliseconds stop_message{2'500};
  milliseconds stop_term{2'500};
  milliseconds connect_timeout{60'000};
  milliseconds heartbeat_interval{30'000};
  milliseconds heartbeat_late{2'000};
  milliseconds heartbeat_silent{20'000};
  std::string heartbeat_action = "none";  ///< "none" or "restart"
  std::size_t stdio_limit = 1 << 20;
  std::size_t limit_memory = 0;  ///< bytes; 0: none, as for all but limit_core
  std::size_t limit_processes = 0;
  milliseconds limit_cpu{0};
  std::size_t limit_files = 0;
  std::size_t limit_file_size = 0;
  std::size_t limit_core = 0;  ///< 0: no core dumps
  int nice = 0;
  std::string cgroup = "auto";  ///< "auto", "off", or the path of one on cgroup2
  std::string limit_cpus;       ///< a number of processors; empty: none
};

struct culling_config {
  milliseconds idle_timeout{0};  ///< 0: never
  milliseconds max_age{0};       ///< 0: never
  milliseconds interval{60'000};
  bool busy = false;       ///< busy kernels, too
  bool connected = false;  ///< kernels with clients, too
  milliseconds warning{60'000};
  bool dry_run = false;
  std::vector<std::string> rules;  ///< see cull_rule.hpp
};

struct limits_config {
  std::size_t max_connections = 10'000;
  std::size_t max_header_bytes = 16 << 10;
  std::size_t max_headers = 100;
  std::size_t max_body_bytes = 16 << 20;
  milliseconds header_timeout{10'000};
  milliseconds body_timeout{60'000};
  milliseconds idle_timeout{75'000};
  std::size_t max_receiving_bytes = std::size_t{256} << 20;
  std::size_t max_message_from_client = std::size_t{64} << 20;
  std::size_t max_message_from_kernel = std::size_t{512} << 20;
  std::size_t client_queue_bytes = std::size_t{8} << 20;
  milliseconds ws_ping_interval{30'000};
  milliseconds ws_ping_timeout{90'000};
};

struct journal_config {
  std::size_t max_bytes = std::size_t{256} << 20;  ///< a kernel; 0: no journals
  milliseconds max_age{std::chrono::hours(24 * 30)};
  milliseconds sync{0};  ///< between two fdatasync(2); 0: never
  bool code = false;     ///< the code of requests, too
};

struct events_config {
  std::size_t max_bytes = std::size_t{16} << 20;  ///< on disk; 0: none there
};

struct metrics_config {
  bool per_kernel = false;  ///< with the labels kernel and owner, too
};

struct log_config {
  std::string level = "info";       ///< trace, debug, info, warning, error, critical, off
  std::vector<std::string> levels;  ///< see log_level.hpp
  std::string format = "text";
};

struct config {
  server_config server;
  auth_config auth;
  hub_config hub;
  kernels_config kernels;
  culling_config culling;
  limits_config limits;
  journal_config journal;
  events_config events;
  metrics_config metrics;
  log_config log;
  std::string runtime_dir;  ///< resolved by load(): never empty there
  std::string state_dir;
};

}  // namespace kmux::config
