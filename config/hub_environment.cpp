#include "config/hub_environment.hpp"

#include <algorithm>
#include <charconv>

namespace kmux::config {

namespace {

void set(std::string& out, const environment_map& environment, const std::string& name) {
  if (auto value = lookup(environment, name); !value.empty()) out = std::move(value);
}

bool is_numeric(const std::string& host) {
  return !host.empty() &&
         host.find_first_not_of("0123456789abcdefABCDEF.:[]") == std::string::npos &&
         host.find_first_of(".:") != std::string::npos;
}

milliseconds seconds_or(const std::string& text, milliseconds otherwise) {
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = failed == std::errc{} && value > 0 && value <= 86400;
  return good ? std::chrono::seconds(value) : otherwise;
}

}  // namespace

std::string listen_of_url(const std::string& url) {
  const auto mark = url.find("://");
  const auto begin = mark == std::string::npos ? 0 : mark + 3;
  const auto authority = url.substr(begin, url.find('/', begin) - begin);
  const auto colon = authority.rfind(':');
  if (colon == std::string::npos || authority.find(']', colon) != std::string::npos) return "";
  const auto host = authority.substr(0, colon);
  return (is_numeric(host) || host == "localhost" ? host : "0.0.0.0") + authority.substr(colon);
}

void take_hub(const environment_map& environment, told_nearer told, config& c) {
  hub_config& hub = c.hub;
  const auto url = lookup(environment, "JUPYTERHUB_API_URL");
  hub.api_token = secret(lookup(environment, "JUPYTERHUB_API_TOKEN"));
  set(hub.service_prefix, environment, "JUPYTERHUB_SERVICE_PREFIX");
  if (url.empty() || hub.api_token.empty() || hub.service_prefix.empty()) return;
  if (hub.service_prefix.back() != '/') hub.service_prefix += '/';
  hub.api_url = url.substr(0, url.find_last_not_of('/') + 1);
  set(hub.base_url, environment, "JUPYTERHUB_BASE_URL");
  set(hub.host, environment, "JUPYTERHUB_HOST");
  set(hub.service_name, environment, "JUPYTERHUB_SERVICE_NAME");
  set(hub.client_id, environment, "JUPYTERHUB_CLIENT_ID");
  set(hub.callback_url, environment, "JUPYTERHUB_OAUTH_CALLBACK_URL");
  set(hub.access_scopes, environment, "JUPYTERHUB_OAUTH_SCOPES");  // its old name
  set(hub.access_scopes, environment, "JUPYTERHUB_OAUTH_ACCESS_SCOPES");
  set(hub.user, environment, "JUPYTERHUB_USER");
  set(hub.server_name, environment, "JUPYTERHUB_SERVER_NAME");
  set(hub.activity_url, environment, "JUPYTERHUB_ACTIVITY_URL");
  hub.activity_interval =
      seconds_or(lookup(environment, "JUPYTERHUB_ACTIVITY_INTERVAL"), hub.activity_interval);
  hub.websocket_cookies = lookup(environment, "JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH") != "0";
  set(hub.ssl_key, environment, "JUPYTERHUB_SSL_KEYFILE");
  set(hub.ssl_cert, environment, "JUPYTERHUB_SSL_CERTFILE");
  set(hub.ssl_ca, environment, "JUPYTERHUB_SSL_CLIENT_CA");
  if (c.server.tls_cert.empty()) {
    c.server.tls_cert = hub.ssl_cert;
    c.server.tls_key = hub.ssl_key;
  }
  if (hub.client_id.empty()) hub.client_id = "service-" + hub.service_name;
  if (hub.callback_url.empty()) hub.callback_url = hub.service_prefix + "oauth_callback";
  if (!told.base_url) c.server.base_url = hub.service_prefix;
  const auto where = listen_of_url(lookup(environment, "JUPYTERHUB_SERVICE_URL"));
  if (told.listen || where.empty()) return;
  c.server.listen = {where};
  c.server.insecure = true;  // the Hub says so; its proxy is in front
}

}  // namespace kmux::config
