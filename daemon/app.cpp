#include "daemon/app.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "daemon/settings.hpp"
#include "daemon/system/log.hpp"
#include "daemon/system/notify.hpp"
#include "proc/service_manager.hpp"
#include "protocol/ids.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr auto end_grace = std::chrono::seconds(2);  ///< for requests
/// For close handshakes. Some client never answers, and all others wait for the next kmuxd.
constexpr auto close_grace = std::chrono::milliseconds(300);

/// From tick to tick: so old may the status be that the service manager shows.
constexpr alarm::clock::duration longest_tick = std::chrono::seconds(5);

constexpr auto least_pause = std::chrono::milliseconds(10);  ///< between two looks for culling

/// Six descriptors a kernel are soon more than the usual soft limit of 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) spdlog::warn("event=descriptor_limit_not_raised");
}

/// Those that we handle wait, for as long as nobody here can take them; all others are let through.
void hold_signals(bool held) {
  sigset_t set;
  sigemptyset(&set);
  if (held) {
    for (const int each : {SIGTERM, SIGINT, SIGHUP})
      sigaddset(&set, each);
  }
  ::pthread_sigmask(SIG_SETMASK, &set, nullptr);
}

/// What was asked for by its path must be there; what is there by itself is used.
result<supervise::cgroups> open_cgroups(const config::kernels_config& kernels) {
  auto opened = supervise::cgroups::open(kernels.cgroup);
  if (!opened && kernels.cgroup != "auto") return opened;
  if (!opened) {
    spdlog::info("event=cgroups_off reason=\"{}\"", opened.error().detail);
    return supervise::cgroups();
  }
  if (opened->on()) {
    spdlog::info("event=cgroups_on place={} without=\"{}\"", opened->place(),
                 fmt::join(opened->missing(), " "));
  }
  return opened;
}

/// kmux-child stands beside us, whatever PATH says and after an upgrade too.
std::string child_program() {
  std::error_code ec;
  const fs::path self = fs::read_symlink("/proc/self/exe", ec);
  return (self.parent_path() / "kmux-child").string();
}

}  // namespace

app::app(const config::config& c, supervise::directories directories, supervise::cgroups cgroups,
         reload_function reload, const successor& next)
    : config_(c),
      reload_(std::move(reload)),
      directories_(std::move(directories)),
      cgroups_(std::move(cgroups)),
      events_(io_, directories_.state() + "/events.jsonl", c.events.max_bytes),
      tasks_(io_),
      specs_(spec_settings_from(c)),
      spawner_(io_, child_program(), c.kernels.spawn),
      services_{io_,       events_, buffer_,  directories_,           spawner_, cgroups_, specs_,
                journals_, tasks_,  counted_, kernel_settings_from(c)},
      kernels_(services_, manager_settings_from(c)),
      sessions_(kernels_, directories_.runtime() + "/sessions.json"),
      writable_(io_, disk_, tasks_,
                {{"the runtime directory", directories_.runtime()},
                 {"the state directory", directories_.state()}},
                {}),
      stored_(directories_, journals_, tasks_),
      door_(io_, disk_, events_, counted_),
      tokens_(disk_,
              [this](token_list named) {
                door_.set_named(std::move(named));
                end_revoked();
              }),
      api_{kernels_,
           sessions_,
           specs_,
           disk_,
           journals_,
           events_,
           tokens_,
           c.server.base_url,
           std::chrono::system_clock::now(),
           writable_,
           next,
           [this] { upgrade(); },
           [this] { return this->reload(); },
           false,
           {counted_, stored_, [this] { return server_.connections(); }, c.metrics.per_kernel}},
      service_(routes_, door_, counted_, {c.server.base_url, c.server.allow_origin}),
      server_(io_, connection_settings_from(c), c.limits.max_connections,
              [this](http_request& request) { return service_.respond(request); }),
      signals_(io_, SIGTERM, SIGINT, SIGHUP),
      watch_(io_, [this] { tell_status(); }),
      lag_(io_, counted_.loop_lag),
      keep_alive_timer_(io_),
      cull_timer_(io_),
      abort_timer_(io_),
      stopping_kernels_(io_),
      ending_(io_) {
  server_.set_full([this] {
    events_.say_seldom("limit_reached", {{"option", "limits.max_connections"}}, severity::warning);
  });
  add_server_routes(routes_, api_);
  add_kernel_routes(routes_, api_);
  add_channel_routes(routes_, api_);
  add_client_routes(routes_, api_);
  add_process_routes(routes_, api_);
  add_journal_routes(routes_, api_);
  add_event_routes(routes_, api_);
  add_spec_routes(routes_, api_);
  add_session_routes(routes_, api_);
  add_drain_routes(routes_, api_);
  add_upgrade_routes(routes_, api_);
  add_token_routes(routes_, api_);
  add_health_routes(routes_, api_);
  add_metrics_routes(routes_, api_);
}

app::~app() = default;

result<std::unique_ptr<app>> app::create(const config::config& c, reload_function reload,
                                         const successor& next, named_descriptors handed) {
  raise_descriptor_limit();
  // Whoever started us may have blocked or ignored what we live by. What the program before us has
  // left to us waits until there are handlers; our other threads never take it.
  hold_signals(true);
  ::signal(SIGCHLD, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  auto directories =
      supervise::directories::open(c.runtime_dir, c.state_dir, take_named(handed, our_lock));
  if (!directories) return directories.error();
  if (!c.kernels.spawn.empty()) {
    if (const auto done = directories->let_users_pass(); !done) return done.error();
  }
  auto cgroups = open_cgroups(c.kernels);
  if (!cgroups) return cgroups.error();
  std::unique_ptr<app> made(
      new app(c, std::move(*directories), std::move(*cgroups), std::move(reload), next));
  hold_signals(false);
  if (const auto token = take_named(handed, our_token))
    made->made_token_ = secret(text_of(token, 256));
  if (const auto done = made->open_door(); !done) return done.error();
  made->specs_.refresh_now();
  made->kernels_.adopt_all();
  made->sessions_.load();
  if (const auto done = made->listen(std::move(handed)); !done) return done.error();
  return made;
}

int app::run() {
  wait_for_signals();
  keep_alive();
  cull();
  watch_loop();
  lag_.start();
  begin_hub();
  notify_ready();
  events_.say("ready", {{"pid", ::getpid()}, {"kernels", kernels_.size()}});
  io_.run();
  events_.say("ended", {});
  return 0;
}

void app::wait_for_signals() {
  signals_.async_wait([this](boost::system::error_code ec, int signal) {
    if (ec) return;
    if (signal == SIGHUP) {
      (void)reload();  // which has said in the log what is wrong
    } else {
      stop();
    }
    wait_for_signals();
  });
}

result<void> app::reload() {
  if (api_.stopping) return error{errc::io, "The server is stopping."};
  notify_reloading();
  const auto done = take_over();
  notify_ready();
  return done;
}

result<void> app::take_over() {
  const auto fresh = reload_(config_, events_);
  if (!fresh) return fresh.error();
  const auto previous = config_;
  config_ = *fresh;
  auto done = load_tls();
  if (done) done = authenticate();
  if (!done) {
    events_.say("reload_refused", {event_member::text("error", done.error().detail)},
                severity::error);
    config_ = previous;
    return done;
  }
  specs_.set(spec_settings_from(config_));
  services_.settings = kernel_settings_from(config_);
  kernels_.set(manager_settings_from(config_));
  events_.set_most(config_.events.max_bytes);
  set_door(config_);
  end_revoked();
  api_.metrics.per_kernel = config_.metrics.per_kernel;
  server_.set_settings(connection_settings_from(config_), config_.limits.max_connections);
  cull();
  watch_loop();
  set_log_levels(config_.log);
  events_.say("reloaded", {});
  return {};
}

void app::keep_alive() {
  const auto& limits = config_.limits;
  server_.keep_alive(limits.ws_ping_interval, limits.ws_ping_timeout);
  server_.end_where(
      [now = std::chrono::system_clock::now()](const identity& who) { return who.expired(now); });
  kernels_.drop_old();
  const auto pause = std::clamp<std::chrono::milliseconds>(
      limits.ws_ping_interval / 4, std::chrono::milliseconds(100), std::chrono::seconds(5));
  keep_alive_timer_.set(alarm::clock::now() + pause, [this] { keep_alive(); });
}

void app::cull() {
  const auto pause = std::max<alarm::clock::duration>(kernels_.cull(), least_pause);
  cull_timer_.set(alarm::clock::now() + pause, [this] { cull(); });
}

void app::watch_loop() {
  loop_watch::settings s;
  s.stuck_after = config_.server.stuck_after;
  s.most = longest_tick;
  if (const auto wanted = watchdog_interval())
    s.most = std::min<alarm::clock::duration>(s.most, *wanted / 3);
  watch_.start(s);
}

/// At each tick of the loop, which is what shows that it lives.
void app::tell_status() {
  notify_alive();
  const auto* const state = api_.stopping             ? "stopping"
                            : kernels_.drained().on() ? "draining"
                                                      : "serving";
  auto status = fmt::format("{}, kernels: {}", state, kernels_.size());
  if (status == status_) return;
  notify_status(status);
  status_ = std::move(status);
}

void app::stop() {
  if (std::exchange(handed_over_, std::nullopt)) {
    // Whoever wants an end wants no successor either.
    events_.say("upgrade_given_up", {}, severity::warning);
    remove_listening_files();
  }
  if (api_.stopping) {
    events_.say("stopping_at_once", {}, severity::warning);
    server_.abort_connections();
    stopping_kernels_.cancel();  // and not ending_, whose last steps end the loop
    return;
  }
  api_.stopping = true;
  notify_stopping();
  cull_timer_.cancel();
  events_.say("stopping", {{"on_exit", config_.server.on_exit}, {"kernels", kernels_.size()}});
  ending_.spawn("end", end());
}

/// Another kmuxd goes on with the same sockets and kernels.
void app::upgrade() {
  if (api_.stopping) return;
  api_.stopping = true;
  notify_reloading();
  cull_timer_.cancel();
  hand_over();
  ending_.spawn("upgrade", end());
}

bool app::stops_kernels() const {
  return config_.server.on_exit == "stop" && !handed_over_;
}

asio::awaitable<void> app::stop_kernels() {
  stopping_kernels_.spawn("stop_kernels", kernels_.stop_all());
  co_await stopping_kernels_.join();
}

asio::awaitable<void> app::end_serving() {
  if (!handed_over_) {
    server_.stop_accepting();
    remove_listening_files();
  }
  if (stops_kernels()) {
    co_await stop_kernels();
    server_.end_connections(1001, "The server is stopping, and its kernels with it.");
  } else {
    server_.end_connections(1012, "The server is stopping. The kernels go on: connect again.");
  }
}

/// What has come by now is ours, and may still end the upgrade; what comes later is the
/// successor's, which finds it waiting.
asio::awaitable<void> app::leave_signals() {
  hold_signals(true);
  // Asio's handler writes into a pipe: the loop sees that, reads it, and calls us, a turn each.
  for (int turn = 0; turn < 3; ++turn)
    co_await asio::post(io_, asio::use_awaitable);
}

asio::awaitable<void> app::end() {
  co_await end_serving();
  events_.end();
  const auto begun = alarm::clock::now();
  abort_timer_.set(begun + close_grace, [this, begun] {
    server_.abort_websockets();
    abort_timer_.set(begun + end_grace, [this] { server_.abort_connections(); });
  });
  co_await server_.join();
  abort_timer_.cancel();
  co_await kernels_.settle();
  // Those that a request has started meanwhile.
  if (stops_kernels()) co_await stop_kernels();
  keep_alive_timer_.cancel();
  tasks_.cancel();
  co_await tasks_.join();
  kernels_.detach_all();
  if (handed_over_) co_await leave_signals();
  signals_.cancel();
  lag_.stop();
  watch_.stop();
}

}  // namespace kmux::daemon
