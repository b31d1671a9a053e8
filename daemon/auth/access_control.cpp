#include "daemon/auth/access_control.hpp"

#include <algorithm>
#include <cstring>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "daemon/auth/browser_rules.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

/// Without the port; a Unix peer's user.
std::string address_of(const peer_info& peer) {
  if (peer.uid) return fmt::format("uid:{}", *peer.uid);
  return peer.address.substr(0, peer.address.rfind(':'));
}

/// What a proxy that is believed says of whoever connected to it: the last word of the header,
/// since those before it came from outside.
std::string forwarded(const http_request& request) {
  const auto* const header = request.header("X-Forwarded-For");
  if (header == nullptr) return "";
  const auto comma = header->rfind(',');
  auto last = comma == std::string::npos ? *header : header->substr(comma + 1);
  last.erase(0, last.find_first_not_of(' '));
  return last;
}

std::uint64_t fingerprint(const std::string& token) {
  const auto digest = digest_of(token);
  std::uint64_t out = 0;
  std::memcpy(&out, digest.data(), sizeof out);
  return out;
}

verdict let_in(identity who) {
  verdict out;
  out.status = 200;
  out.who = std::move(who);
  return out;
}

constexpr std::string_view missing =
    "A token is missing: send the header \"Authorization: token TOKEN\", or ?token=TOKEN in the "
    "address. kmuxd prints its token when it starts, unless --token-file names it.";

std::string needed_scope(access needs) {
  switch (needs) {
    case access::admin:
      return "Only administrators may do this: use an administrator's token.";
    case access::use:
      return "These credentials may only look: a token with the scope \"use\" may do this.";
    default:
      return "These credentials may not read what kernels say: a token with the scope \"read\" "
             "may.";
  }
}

}  // namespace

asio::awaitable<std::optional<http_response>> access_control::admit(http_request& request,
                                                                    access needs) {
  if (std::count(settings_.proxies.begin(), settings_.proxies.end(), address_of(request.peer)) >
      0) {
    if (auto address = forwarded(request); !address.empty()) request.peer.address = address + ":0";
  }
  const bool bare = !presented_token(request) && !request.peer.uid && hub_ == nullptr;
  if (bare) {
    if (auto wrong = foreign_host(request, settings_.hosts); !wrong.empty()) {
      co_return refuse(request, verdict::refused(403, std::move(wrong)));
    }
  }
  if (needs == access::open) co_return std::nullopt;
  auto found = for_user(co_await identify(request), request);
  if (!found.who) co_return refuse(request, found);
  request.who = std::move(*found.who);
  request.who.doing = needs;
  if (!request.who.may(needs)) {
    co_return refuse(request, verdict::refused(403, needed_scope(needs)));
  }
  co_return std::nullopt;
}

asio::awaitable<verdict> access_control::identify(http_request& request) {
  if (const auto token = presented_token(request)) co_return co_await by_token(request, *token);
  if (settings_.certificates && is_owner_name(request.peer.certificate)) {
    identity who(request.peer.certificate);
    who.credentials = "client certificate";
    co_return let_in(std::move(who));
  }
  if (request.peer.uid) co_return co_await by_unix_peer(*request.peer.uid, request.peer.groups);
  if (oauth_ != nullptr) {
    if (const auto token = oauth_->token_of(request); !token.empty()) {
      co_return co_await by_cookie(request, token);
    }
  }
  co_return verdict::refused(401, std::string(missing));
}

asio::awaitable<verdict> access_control::by_token(http_request& request, const std::string& token) {
  const auto address = address_of(request.peer);
  const auto credentials = fingerprint(token);
  if (!attempts_.may_try(address, credentials)) {
    co_return verdict::refused(429, "Too many wrong tokens come from this address. Wait.");
  }
  verdict out;
  std::string problem;
  if (auto who = tokens_.find(token, std::chrono::system_clock::now(), problem)) {
    out = let_in(std::move(*who));
  } else if (hub_ != nullptr) {
    out = co_await hub_->who_is(token, std::string(cookie(request, "jupyterhub-session-id")));
  } else {
    out = verdict::refused(401, std::move(problem));
  }
  if (out.who) attempts_.succeeded(address, credentials);
  if (out.status == 401) co_await slow_down(address);
  co_return out;
}

asio::awaitable<void> access_control::slow_down(const std::string& address) {
  const auto delay = attempts_.failed(address, failed_attempts::clock::now());
  const std::shared_ptr<void> told(nullptr,
                                   [this, address](void*) { attempts_.answered(address); });
  if (delay.count() == 0) co_return;
  asio::steady_timer timer(io_, delay);
  co_await timer.async_wait(as_result);
}

asio::awaitable<verdict> access_control::by_unix_peer(uid_t uid, const std::vector<gid_t>& groups) {
  const uid_t ours = ::geteuid();
  const bool administrator = uid == 0 || uid == ours ||
                             (settings_.admin_group &&
                              std::count(groups.begin(), groups.end(), *settings_.admin_group) > 0);
  identity who(co_await names_.of(uid == 0 ? ours : uid),
               administrator ? scope::admin : scope::use);
  who.credentials = "unix socket";
  co_return let_in(std::move(who));
}

asio::awaitable<verdict> access_control::by_cookie(const http_request& request,
                                                   const std::string& token) {
  if (request.wants_websocket() && !hub_->settings().websocket_cookies) {
    co_return verdict::refused(403, "WebSockets must carry a token here, a cookie is not enough.");
  }
  auto wrong = cross_site(request, settings_.allow_origin, oauth_->xsrf_of(token));
  if (!wrong.empty()) co_return verdict::refused(403, std::move(wrong));
  const std::string session(cookie(request, "jupyterhub-session-id"));
  co_return co_await hub_->who_is(token, session);
}

verdict access_control::for_user(verdict found, const http_request& request) const {
  if (!found.who || settings_.user_header.empty() || !found.who->may_act_for_others()) return found;
  const auto* const user = request.header(settings_.user_header);
  if (user == nullptr) return found;
  if (!is_owner_name(*user)) {
    return verdict::refused(400, "The header " + settings_.user_header + " names no user.");
  }
  identity who(*user);
  who.credentials = found.who->credentials + " for them";
  who.expires = found.who->expires;
  who.token = found.who->token;
  found.who = std::move(who);
  return found;
}

http_response access_control::refuse(const http_request& request, const verdict& found) {
  audit_.refused(request, found.status, found.problem);
  if (found.status == 401 && oauth_ != nullptr && is_navigation(request)) {
    return oauth_->login(request);
  }
  tell_refusal(request, found);
  count(request, found.status);
  auto response = error_response(found.status, found.problem);
  if (found.status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"kmuxd\"");
  }
  if (found.status == 429 || found.status == 503 || found.status == 504) {
    response.headers.emplace_back("Retry-After", "5");
  }
  return response;
}

void access_control::tell_refusal(const http_request& request, const verdict& found) {
  event_members members = {{"address", address_of(request.peer)},
                           {"method", request.method},
                           {"status", found.status},
                           event_member::text("path", request.path),
                           event_member::text("reason", found.problem)};
  if (!request.who.owner.empty()) members.emplace_back("who", request.who.owner);
  events_.say_seldom("access_refused", std::move(members), severity::warning);
}

void access_control::count(const http_request& request, int status) {
  switch (status) {
    case 401:
      return counted_.count(presented_token(request) ? auth_failure::wrong : auth_failure::missing);
    case 429:
      return counted_.count(auth_failure::throttled);
    case 503:
    case 504:
      return counted_.count(auth_failure::unavailable);
    default:
      return counted_.count(auth_failure::forbidden);
  }
}

void access_control::done(const http_request& request, int status) {
  const bool changes = request.method != "GET" && request.method != "HEAD";
  if (settings_.audit_all || changes || status == 101) audit_.allowed(request, status);
}

}  // namespace kmux::daemon
