#include "daemon/auth/browser_rules.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <unistd.h>

#include <openssl/crypto.h>

#include "daemon/http/text.hpp"

namespace kmux::daemon {

namespace {

/// "host" of "host:port" and of "[::1]:port".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

bool is_ip_address(const std::string& text) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

std::string our_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "";
  return name.data();
}

bool is_safe(const http_request& request) {
  return (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS") &&
         !request.wants_websocket();
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The authority of an origin: "https://host:port" → "host:port".
std::string_view authority(std::string_view origin) {
  const auto mark = origin.find("://");
  return mark == std::string_view::npos ? std::string_view{} : origin.substr(mark + 3);
}

bool is_our_origin(const http_request& request, std::string_view origin,
                   std::string_view allow_origin) {
  if (!allow_origin.empty() && (origin == allow_origin || allow_origin == "*")) return true;
  const auto* const host = request.header("Host");
  const auto* const forwarded = request.header("X-Forwarded-Host");
  const auto wanted = authority(origin);
  return !wanted.empty() && ((host != nullptr && iequals(*host, wanted)) ||
                             (forwarded != nullptr && iequals(*forwarded, wanted)));
}

}  // namespace

std::string_view cookie(const http_request& request, std::string_view name) noexcept {
  for (const auto& [header, value] : request.headers) {
    if (!iequals(header, "Cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      auto pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
      const auto equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        return pair.substr(equals + 1);
      }
    }
  }
  return {};
}

std::string foreign_host(const http_request& request, const std::vector<std::string>& hosts) {
  const auto* const header = request.header("Host");
  if (header == nullptr) return "";  // HTTP/1.0; browsers always send one
  const std::string host(without_port(*header));
  const auto is = [&](std::string_view known) { return iequals(host, known); };
  if (is_ip_address(host) || is("localhost") || is(our_name()) ||
      std::any_of(hosts.begin(), hosts.end(), is)) {
    return "";
  }
  return "This server does not know itself by the name in Host. Use an IP address or localhost, "
         "send a token in the Authorization header, or have server.hosts name it.";
}

std::string cross_site(const http_request& request, std::string_view allow_origin,
                       std::string_view xsrf) {
  const auto* const origin = request.header("Origin");
  if (origin != nullptr && !is_our_origin(request, *origin, allow_origin)) {
    return "Pages of another origin cannot use this server's cookies: server.allow_origin says "
           "which may.";
  }
  if (request.wants_websocket()) {
    return origin != nullptr ? "" : "A WebSocket that comes in by a cookie must say its Origin.";
  }
  const auto* const site = request.header("Sec-Fetch-Site");
  if (site != nullptr && !iequals(*site, "same-origin") && !iequals(*site, "none") &&
      origin == nullptr && !is_navigation(request)) {
    return "Pages of another site cannot use this server's cookies.";
  }
  if (is_safe(request)) return "";
  const auto* given = request.header("X-XSRFToken");
  if (given == nullptr) given = request.argument("_xsrf");
  if (given != nullptr && !xsrf.empty() && same_secret(*given, xsrf)) return "";
  return "Requests that come in by a cookie must repeat the cookie _xsrf in the header "
         "X-XSRFToken.";
}

bool is_navigation(const http_request& request) {
  if (request.method != "GET" || request.wants_websocket()) return false;
  if (const auto* const mode = request.header("Sec-Fetch-Mode")) return iequals(*mode, "navigate");
  const auto* const accept = request.header("Accept");
  return accept != nullptr && accept->find("text/html") != std::string::npos;
}

}  // namespace kmux::daemon
