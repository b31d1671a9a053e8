// The app's door: who may come in.
#include <grp.h>
#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/app.hpp"
#include "daemon/hub/activity.hpp"
#include "proc/service_manager.hpp"
#include "protocol/ids.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

std::optional<gid_t> group_named(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const group* const found = ::getgrnam(name.c_str());
  if (found == nullptr) {
    spdlog::error("event=no_such_group option=auth.admin_group group={}", name);
    return std::nullopt;
  }
  return found->gr_gid;
}

asio::awaitable<http_response> forget(const oauth& browsers, http_request& request) {
  co_return browsers.logout(request);
}

}  // namespace

/// Where it fails, what there was before goes on.
result<void> app::load_tls() {
  const auto& s = config_.server;
  if (s.tls_cert.empty()) return {};
  const bool of_hub = s.tls_cert == config_.hub.ssl_cert;
  auto loaded = tls_context::load(
      {s.tls_cert, s.tls_key, of_hub ? config_.hub.ssl_ca : s.tls_client_ca, of_hub});
  if (!loaded) return loaded.error();
  const int days = (*loaded)->days_left();
  if (days < 14) spdlog::warn("event=certificate_expires days={}", days);
  server_.set_tls(std::move(*loaded));
  return {};
}

result<void> app::open_door() {
  if (const auto done = load_tls(); !done) return done;
  if (config_.auth.audit_log != "off") {
    auto log = audit_log::open(config_.auth.audit_log);
    if (!log) return log.error();
    door_.set(std::move(*log));
  }
  if (config_.hub.on()) {
    hub_.emplace(io_, config_.hub);
    oauth_.emplace(*hub_);
    door_.set_hub(&*hub_, &*oauth_);
    routes_.add("GET", "/oauth_callback", [this](auto& r) { return oauth_->callback(r); }).needs =
        access::open;
    routes_.add("GET", "/logout", [this](auto& r) { return forget(*oauth_, r); }).needs =
        access::open;
  }
  add_ui_routes(routes_, api_, hub_ ? access::look : access::open);
  set_door(config_);
  return authenticate();
}

void app::set_door(const config::config& c) {
  access_control::settings s;
  s.allow_origin = c.server.allow_origin;
  s.hosts = c.server.hosts;
  s.proxies = c.server.proxies;
  s.user_header = c.auth.user_header;
  s.admin_group = group_named(c.auth.admin_group);
  s.certificates = !c.server.tls_client_ca.empty();
  s.audit_all = c.auth.audit == "all";
  door_.set(std::move(s));
}

/// What is open goes on with what it came in with, and so ends when that is taken away.
void app::end_revoked() {
  server_.end_where([this](const identity& who) { return !door_.still_good(who); });
}

result<void> app::authenticate() {
  authenticator tokens;
  identity us(user_name(::geteuid()), scope::admin);
  us.credentials = "the daemon's token";
  if (!config_.auth.token.empty()) {
    if (const auto added = tokens.add(config_.auth.token.reveal(), us); !added) return added;
  }
  if (!config_.auth.token_file.empty()) {
    const auto added = tokens.add_token_file(config_.auth.token_file, us.owner);
    if (!added) return added;
  }
  auto named = read_token_list(config_.auth.tokens_file);
  if (!named) return named.error();
  tokens.set_named(std::move(*named));
  tokens_.set_path(config_.auth.tokens_file);
  if (tokens.empty() && !config_.hub.on()) {
    if (made_token_.empty()) {
      made_token_ = secret(random_hex(24));
      // To the terminal and not to a log, which others may read.
      const bool logged = started_by_systemd();
      fmt::print(stderr, "kmuxd: no token is configured; {}{}\n",
                 logged ? "only admin.sock answers. `kmux token create` makes one."
                        : "this one is good until kmuxd ends: ",
                 logged ? "" : made_token_.reveal());
    }
    if (const auto added = tokens.add(made_token_.reveal(), us); !added) return added;
  }
  door_.set(std::move(tokens));
  return {};
}

void app::begin_hub() {
  if (!hub_) return;
  spdlog::info("event=hub_on url={} prefix={} user={}", config_.hub.api_url,
               config_.hub.service_prefix, config_.hub.user);
  if (config_.hub.activity_url.empty()) return;
  // What is at work is not idle, even where it says nothing for long.
  auto last = [this] {
    return kernels_.any_busy() ? std::chrono::system_clock::now()
                               : kernels_.last_activity(api_.started);
  };
  tasks_.spawn("activity", report_activity(io_, *hub_, std::move(last)));
}

}  // namespace kmux::daemon
