#include "config/options.hpp"

#include <algorithm>
#include <array>

#include "config/cull_rule.hpp"
#include "config/log_level.hpp"
#include "config/option_kinds.hpp"
#include "config/units.hpp"

namespace kmux::config {

namespace {

using namespace kinds;

std::string absolute(const std::string& path) {
  return path.empty() || path.front() == '/' ? "" : "write an absolute path";
}

std::string audit_place(const std::string& path) {
  return path == "off" ? "" : absolute(path);
}

std::string cgroup_place(const std::string& where) {
  return where == "auto" || where == "off" || (!where.empty() && where.front() == '/')
             ? ""
             : "write auto, off, or the absolute path of a cgroup";
}

std::string processors(const std::string& count) {
  return count.empty() || parse_processors(count) ? ""
                                                  : "write a number from 0.01 to 10000, such as 2";
}

std::string base_url(const std::string& url) {
  const bool good = !url.empty() && url.front() == '/' && url.back() == '/' &&
                    url.find("//") == std::string::npos &&
                    url.find_first_of(" ?#%\"\\") == std::string::npos;
  return good ? "" : "it must begin and end with '/', such as /services/kmux/";
}

#define AT(type, member) [](config& c) -> type& { return c.member; }

void add_server(std::vector<option>& t) {
  using namespace std::chrono_literals;
  t.push_back(list("server.listen", false, AT(words, server.listen),
                   "where to listen: HOST:PORT, [::1]:PORT or unix:/PATH; port 0 picks one",
                   check_listen));
  t.push_back(text("server.base_url", false, AT(std::string, server.base_url),
                   "what all addresses begin with; on a Unix socket it may be left out", base_url));
  t.push_back(text("server.on_exit", true, AT(std::string, server.on_exit),
                   "kernels when the daemon ends: keep them running, or stop them",
                   one_of({"keep", "stop"})));
  t.push_back(text("server.allow_origin", false, AT(std::string, server.allow_origin),
                   "web pages of this origin may use the API (CORS); * for any"));
  t.push_back(list("server.hosts", true, AT(words, server.hosts),
                   "further names by which browsers may know this server"));
  t.push_back(list("server.proxies", true, AT(words, server.proxies),
                   "IP addresses of proxies, whose X-Forwarded-For is believed"));
  t.push_back(boolean("server.insecure", false, AT(bool, server.insecure),
                      "allow HTTP without TLS beyond this machine, as behind a proxy"));
  t.push_back(text("server.tls_cert", true, AT(std::string, server.tls_cert),
                   "PEM file of the certificate, and of those between it and its root", absolute));
  t.push_back(text("server.tls_key", true, AT(std::string, server.tls_key),
                   "PEM file of its private key", absolute));
  t.push_back(text("server.tls_client_ca", true, AT(std::string, server.tls_client_ca),
                   "PEM file; who shows a certificate of these needs no token", absolute));
  t.push_back(duration("server.stuck_after", AT(milliseconds, server.stuck_after), 100ms,
                       "a loop without progress for so long writes its stack into the log"));
  t.push_back(text("auth.token_file", true, AT(std::string, auth.token_file),
                   "file with an administrator's token", absolute));
  t.push_back(text("auth.tokens_file", true, AT(std::string, auth.tokens_file),
                   "named tokens; empty: tokens in the state directory", absolute));
  t.push_back(text("auth.user_header", true, AT(std::string, auth.user_header),
                   "header in which a trusted front (scope act-for) names the user"));
  t.push_back(text("auth.admin_group", true, AT(std::string, auth.admin_group),
                   "whose members are administrators on Unix sockets"));
  t.push_back(text("auth.audit_log", false, AT(std::string, auth.audit_log),
                   "empty: audit.log in the state directory; off: none", audit_place));
  t.push_back(text("auth.audit", true, AT(std::string, auth.audit),
                   "refusals and what changes something, or all requests",
                   one_of({"changes", "all"})));
  t.push_back(text("hub.enabled", false, AT(std::string, hub.enabled),
                   "auto: where JupyterHub's variables are in the environment",
                   one_of({"auto", "off"})));
  t.push_back(list("hub.admins", true, AT(words, hub.admins),
                   "users of the Hub who are administrators here too"));
  t.push_back(list("hub.fronts", true, AT(words, hub.fronts),
                   "services of the Hub that may act for its users"));
  t.push_back(duration("hub.cache", AT(milliseconds, hub.cache), 0ms,
                       "how long the Hub's word about a token is good"));
  t.push_back(duration("hub.timeout", AT(milliseconds, hub.timeout), 100ms,
                       "how long to wait for the Hub"));
  t.push_back(text("runtime_dir", false, AT(std::string, runtime_dir),
                   "locks, sockets and records; may be in memory", absolute));
  t.push_back(text("state_dir", false, AT(std::string, state_dir),
                   "what outlives a reboot; on a disk", absolute));
  t.push_back(text("log.level", true, AT(std::string, log.level), "how much to log",
                   one_of({log_levels.begin(), log_levels.end()})));
  t.push_back(list("log.levels", true, AT(words, log.levels),
                   "how much of single subjects, such as http=debug", check_subject_level));
  t.push_back(text("log.format", false, AT(std::string, log.format),
                   "of lines to standard error that is not the journal", one_of({"text", "json"})));
}

void add_kernels(std::vector<option>& t) {
  using namespace std::chrono_literals;
  t.push_back(text("kernels.default_name", true, AT(std::string, kernels.default_name),
                   "the kernelspec where a request names none"));
  t.push_back(list("kernels.path", true, AT(words, kernels.path),
                   "further directories with kernelspecs, looked at first", absolute));
  t.push_back(boolean("kernels.echo", true, AT(bool, kernels.echo),
                      "list the built-in echo kernel, for tests"));
  t.push_back(text("kernels.python", true, AT(std::string, kernels.python),
                   "the Python that runs the built-in kernel; it needs IPython"));
  t.push_back(list("kernels.native", true, AT(words, kernels.native),
                   "kernelspecs of ipykernel's that the built-in Python runtime hosts"));
  t.push_back(list("kernels.tcp", true, AT(words, kernels.tcp),
                   "kernelspecs whose kernels cannot use ipc sockets"));
  t.push_back(list("kernels.inherit", true, AT(words, kernels.inherit),
                   "the daemon's environment variables that kernels get; NAME or PREFIX*"));
  t.push_back(list("kernels.env_deny", true, AT(words, kernels.env_deny),
                   "variables that a request may not set for its kernel; NAME or PREFIX*"));
  t.push_back(list("kernels.env_allow", true, AT(words, kernels.env_allow),
                   "what a request may set all the same; NAME or PREFIX*"));
  t.push_back(text("kernels.spawn", false, AT(std::string, kernels.spawn),
                   "kmux-spawn's socket: each kernel runs as the user who owns it", absolute));
  t.push_back(text("kernels.root_dir", true, AT(std::string, kernels.root_dir),
                   "where the path of a request begins; empty: the home directory", absolute));
  t.push_back(number<std::size_t>("kernels.max_kernels", true, AT(std::size_t, kernels.max_kernels),
                                  100'000, "how many may be there at a time; 0: any number"));
  t.push_back(number<std::size_t>("kernels.max_per_owner", true,
                                  AT(std::size_t, kernels.max_per_owner), 100'000,
                                  "how many one owner may have at a time; 0: any number"));
  t.push_back(boolean("kernels.restart", true, AT(bool, kernels.restart),
                      "start a kernel again when it died"));
  t.push_back(number<int>("kernels.restart_limit", true, AT(int, kernels.restart_limit), 1000,
                          "deaths in a row after which it stays dead"));
  t.push_back(duration("kernels.restart_first_delay", AT(milliseconds, kernels.restart_first_delay),
                       0ms, "pause before the first restart; doubles with each"));
  t.push_back(duration("kernels.restart_max_delay", AT(milliseconds, kernels.restart_max_delay),
                       0ms, "the longest such pause"));
  t.push_back(duration("kernels.stable_after", AT(milliseconds, kernels.stable_after), 0ms,
                       "a kernel that lived so long begins to count anew"));
  t.push_back(duration("kernels.stop_message", AT(milliseconds, kernels.stop_message), 0ms,
                       "from shutdown_request to SIGTERM"));
  t.push_back(duration("kernels.stop_term", AT(milliseconds, kernels.stop_term), 0ms,
                       "from SIGTERM to SIGKILL"));
  t.push_back(duration("kernels.connect_timeout", AT(milliseconds, kernels.connect_timeout), 1s,
                       "a kernel that has not answered by then is dead"));
  t.push_back(duration("kernels.heartbeat_interval", AT(milliseconds, kernels.heartbeat_interval),
                       100ms, "from one heartbeat's answer to the next"));
  t.push_back(duration("kernels.heartbeat_late", AT(milliseconds, kernels.heartbeat_late), 10ms,
                       "an answer after this is late"));
  t.push_back(duration("kernels.heartbeat_silent", AT(milliseconds, kernels.heartbeat_silent), 10ms,
                       "no answer after this is silence"));
  t.push_back(text("kernels.heartbeat_action", true, AT(std::string, kernels.heartbeat_action),
                   "what to do with a silent kernel", one_of({"none", "restart"})));
  t.push_back(bytes("kernels.stdio_limit", AT(std::size_t, kernels.stdio_limit), 64 << 10,
                    "how much of a kernel's own stdout and stderr is kept"));
}

void add_culling(std::vector<option>& t) {
  using namespace std::chrono_literals;
  t.push_back(duration("culling.idle_timeout", AT(milliseconds, culling.idle_timeout), 0ms,
                       "a kernel that was idle for so long is ended; 0: never"));
  t.push_back(duration("culling.max_age", AT(milliseconds, culling.max_age), 0ms,
                       "a kernel that is so old is ended; 0: never"));
  t.push_back(duration("culling.interval", AT(milliseconds, culling.interval), 10ms,
                       "how often to look at each kernel"));
  t.push_back(boolean("culling.busy", true, AT(bool, culling.busy), "end busy kernels, too"));
  t.push_back(boolean("culling.connected", true, AT(bool, culling.connected),
                      "end kernels that have clients, too"));
  t.push_back(duration("culling.warning", AT(milliseconds, culling.warning), 0ms,
                       "how long before it clients are told"));
  t.push_back(boolean("culling.dry_run", true, AT(bool, culling.dry_run),
                      "say in the log what would be ended, and end nothing"));
  t.push_back(list("culling.rules", true, AT(words, culling.rules),
                   "kernelspec:NAME or owner:NAME, or both, with idle_timeout=TIME, max_age=TIME",
                   check_cull_rule));
}

void add_kernel_limits(std::vector<option>& t) {
  using namespace std::chrono_literals;
  t.push_back(bytes("kernels.limit_memory", AT(std::size_t, kernels.limit_memory), 0,
                    "data of each process, and of a whole kernel in a cgroup; 0: no limit"));
  t.push_back(number<std::size_t>(
      "kernels.limit_processes", true, AT(std::size_t, kernels.limit_processes), 4'000'000,
      "processes and threads of the user, and of a kernel in a cgroup; 0: no limit"));
  t.push_back(duration("kernels.limit_cpu", AT(milliseconds, kernels.limit_cpu), 0ms,
                       "processor time of each process, in whole seconds; 0: no limit"));
  t.push_back(number<std::size_t>("kernels.limit_files", true, AT(std::size_t, kernels.limit_files),
                                  1'000'000,
                                  "open files of each process; 0: as many as the daemon may"));
  t.push_back(bytes("kernels.limit_file_size", AT(std::size_t, kernels.limit_file_size), 0,
                    "of a file that a kernel writes; 0: no limit"));
  t.push_back(bytes("kernels.limit_core", AT(std::size_t, kernels.limit_core), 0,
                    "of a core dump, which holds the user's data; 0: none are written"));
  t.push_back(number<int>("kernels.nice", true, AT(int, kernels.nice), 19,
                          "how much kernels stand back for other processes, from 0 to 19"));
  t.push_back(text("kernels.cgroup", false, AT(std::string, kernels.cgroup),
                   "each kernel in a cgroup (v2) of its own: auto, off, or below this path",
                   cgroup_place));
  t.push_back(text("kernels.limit_cpus", true, AT(std::string, kernels.limit_cpus),
                   "processors that a kernel in a cgroup may keep busy, such as 2 or 0.5; empty: "
                   "all",
                   processors));
}

void add_limits(std::vector<option>& t) {
  using namespace std::chrono_literals;
  t.push_back(number<std::size_t>("limits.max_connections", true,
                                  AT(std::size_t, limits.max_connections), 1'000'000,
                                  "clients at a time; more get 503"));
  t.push_back(bytes("limits.max_header_bytes", AT(std::size_t, limits.max_header_bytes), 1 << 10,
                    "of a request's head; more gets 431"));
  t.push_back(number<std::size_t>("limits.max_headers", true, AT(std::size_t, limits.max_headers),
                                  10'000, "header lines of a request; more get 431"));
  t.push_back(bytes("limits.max_body_bytes", AT(std::size_t, limits.max_body_bytes), 1 << 10,
                    "of a request's body; more gets 413"));
  t.push_back(
      bytes("limits.max_receiving_bytes", AT(std::size_t, limits.max_receiving_bytes), 1 << 20,
            "of all bodies and messages that clients are sending; beyond it who has most is "
            "dropped (503, 1013)"));
  t.push_back(duration("limits.header_timeout", AT(milliseconds, limits.header_timeout), 10ms,
                       "for a request's head to arrive"));
  t.push_back(duration("limits.body_timeout", AT(milliseconds, limits.body_timeout), 10ms,
                       "for a request's body, and for taking an answer"));
  t.push_back(duration("limits.idle_timeout", AT(milliseconds, limits.idle_timeout), 10ms,
                       "between two requests of a connection"));
  t.push_back(bytes("limits.max_message_from_client",
                    AT(std::size_t, limits.max_message_from_client), 64 << 10,
                    "a longer WebSocket message closes the socket (1009)"));
  t.push_back(bytes("limits.max_message_from_kernel",
                    AT(std::size_t, limits.max_message_from_kernel), 64 << 10,
                    "a longer message is dropped"));
  t.push_back(bytes("limits.client_queue_bytes", AT(std::size_t, limits.client_queue_bytes),
                    64 << 10,
                    "what may wait for a slow client; the rest it gets from the journal, later"));
  t.push_back(duration("limits.ws_ping_interval", AT(milliseconds, limits.ws_ping_interval), 100ms,
                       "a WebSocket that is silent for so long is pinged"));
  t.push_back(duration("limits.ws_ping_timeout", AT(milliseconds, limits.ws_ping_timeout), 100ms,
                       "a WebSocket that is silent for so long is closed"));
}

void add_journal(std::vector<option>& t) {
  using namespace std::chrono_literals;
  t.push_back(bytes("journal.max_bytes", AT(std::size_t, journal.max_bytes), 0,
                    "how much of what a kernel says is kept, the newest; 0: no journals"));
  t.push_back(
      duration("journal.max_age", AT(milliseconds, journal.max_age), 1s, "what is older may go"));
  t.push_back(
      duration("journal.sync", AT(milliseconds, journal.sync), 0ms,
               "write through to the disk so often, against a power cut; 0: leave it to the "
               "system"));
  t.push_back(
      boolean("journal.code", true, AT(bool, journal.code), "keep the code of the cells, too"));
  t.push_back(boolean("metrics.per_kernel", true, AT(bool, metrics.per_kernel),
                      "metrics of each kernel as well, with its id and owner as labels"));
}

void add_events(std::vector<option>& t) {
  t.push_back(bytes("events.max_bytes", AT(std::size_t, events.max_bytes), 0,
                    "how much is kept of what has happened, the newest; 0: nothing on disk"));
}

#undef AT

/// Flags that are worth a short name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> short_flags = {
    {{"server.listen", "--listen"},
     {"server.base_url", "--base-url"},
     {"server.on_exit", "--on-exit"},
     {"auth.token_file", "--token-file"},
     {"auth.tokens_file", "--tokens-file"},
     {"log.level", "--log-level"},
     {"kernels.root_dir", "--root-dir"}}};

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string option::section() const {
  const auto dot = key.find('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

std::string option::name() const {
  return key.substr(key.find('.') + 1);
}

std::string option::variable() const {
  std::string out = "KMUX_" + key;
  for (char& c : out) {
    if (c == '.') c = '_';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return out;
}

std::string option::flag() const {
  for (const auto& [option_key, flag] : short_flags) {
    if (option_key == key) return std::string(flag);
  }
  std::string out = "--" + key;
  std::replace(out.begin(), out.end(), '.', '-');
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

const std::vector<option>& options() {
  static const std::vector<option> table = [] {
    std::vector<option> t;
    add_server(t);
    add_kernels(t);
    add_kernel_limits(t);
    add_culling(t);
    add_limits(t);
    add_journal(t);
    add_events(t);
    return t;
  }();
  return table;
}

std::vector<const option*> options_as_in_a_file() {
  std::vector<const option*> out;
  for (const auto& each : options())
    out.push_back(&each);
  std::ranges::stable_partition(out, [](const option* o) { return o->section().empty(); });
  return out;
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t least = std::max<std::size_t>(3, word.size() / 2);
  for (const auto& each : known) {
    if (const auto d = distance(word, each); d < least) {
      least = d;
      best = each;
    }
  }
  return best;
}

}  // namespace kmux::config
