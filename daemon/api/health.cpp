// /healthz and /readyz: for what watches over the daemon, or sends clients to it.
#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

/// That it is answered says that the loop runs.
asio::awaitable<http_response> health(http_request&) {
  co_return json_response(200, R"({"status": "ok"})");
}

asio::awaitable<http_response> readiness(api_context& api) {
  std::string reason = co_await api.writable.problem();
  if (api.kernels.drained().on()) reason = "draining";
  if (api.stopping) reason = "stopping";
  if (reason.empty()) co_return json_response(200, R"({"status": "ready"})");
  auto body = fmt::format(R"({{"status": "not ready", "reason": {}}})", json_quote(reason));
  co_return json_response(503, std::move(body));
}

}  // namespace

void add_health_routes(router& routes, api_context& api) {
  routes.add_everywhere("GET", "/healthz", health);
  routes.add_everywhere("GET", "/readyz", [&](auto&) { return readiness(api); });
}

}  // namespace kmux::daemon
