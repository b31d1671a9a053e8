#pragma once
// What the administrator says, as plain values with their defaults. No behaviour.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace kmux::config {

using std::chrono::milliseconds;

struct server_config {
  std::vector<std::string> listen = {"127.0.0.1:8888"};  ///< HOST:PORT, [::1]:PORT or unix:PATH
  std::string base_url = "/";                            ///< begins and ends with '/'
  std::string on_exit = "keep";  ///< kernels at the daemon's end: "keep" or "stop"
  std::string allow_origin;      ///< CORS: "*", one origin, or none
  milliseconds stuck_after{10'000};
};

struct auth_config {
  std::string token;        ///< from the environment only
  std::string token_file;   ///< one token, an administrator's
  std::string tokens_file;  ///< NAME OWNER TOKEN [admin] a line
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

struct log_config {
  std::string level = "info";  ///< trace, debug, info, warning, error, critical, off
};

struct config {
  server_config server;
  auth_config auth;
  kernels_config kernels;
  culling_config culling;
  limits_config limits;
  journal_config journal;
  log_config log;
  std::string runtime_dir;  ///< resolved by load(): never empty there
  std::string state_dir;
};

}  // namespace kmux::config
