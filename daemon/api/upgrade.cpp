// /api/upgrade and /api/reload.
#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "daemon/version.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace {

namespace asio = boost::asio;

asio::awaitable<http_response> upgrade(api_context& api, http_request& request) {
  auto check = [&next = api.next] { return next.check(); };
  const auto checked = co_await api.disk.run(std::move(check));
  if (!checked) {
    api.events.say("upgrade_refused",
                   {{"by", request.who.owner}, event_member::text("error", checked.error().detail)},
                   severity::error);
    co_return error_response(
        409, fmt::format("{} cannot take over: {} Nothing was changed: mend that and ask again.",
                         api.next.program(), checked.error().detail));
  }
  if (api.stopping) co_return error_response(503, "The server is stopping already.");
  api.events.say("upgrade", {{"by", request.who.owner},
                             event_member::text("from", fmt::format("kmuxd {}", kmux_version)),
                             event_member::text("to", *checked)});
  api.begin_upgrade();
  co_return json_response(
      202, fmt::format(R"({{"program": {}, "from": "kmuxd {}", "to": {}}})",
                       json_quote(api.next.program()), kmux_version, json_quote(*checked)));
}

http_response reload(const api_context& api, const http_request& request) {
  if (api.stopping) return error_response(503, "The server is stopping.");
  api.events.say("reload", {{"by", request.who.owner}});
  if (const auto done = api.reload(); !done) {
    return error_response(
        409, fmt::format("{} Nothing was changed: mend that and ask again.", done.error().detail));
  }
  http_response response;
  response.status = 204;
  return response;
}

}  // namespace

void add_upgrade_routes(router& routes, api_context& api) {
  routes.add("POST", "/api/upgrade", [&api](auto& r) { return upgrade(api, r); }).needs =
      access::admin;
  routes.add_simple("POST", "/api/reload", [&api](auto& r) { return reload(api, r); }).needs =
      access::admin;
}

}  // namespace kmux::daemon
