// /api/clients: who is connected to kernels, and the end of a connection.
#include <fmt/format.h>

#include "daemon/api/api.hpp"

namespace kmux::daemon {

namespace {

http_response list_clients(const api_context& api, const http_request& request) {
  std::string body = "[";
  for (const auto& each : api.kernels.list(request.who)) {
    for (const auto* const client : each->clients())
      body += (body.size() > 1 ? ", " : "") + client->model();
  }
  return json_response(200, body + "]");
}

http_response kick(const api_context& api, const http_request& request) {
  for (const auto& each : api.kernels.list(request.who)) {
    for (auto* const client : each->clients()) {
      if (fmt::to_string(client->client().number) != request.parameters[0]) continue;
      each->say(
          "client_kicked",
          {{"by", request.who.owner}, {"kernel", each->id()}, {"session", client->session_id()}});
      client->close(close_code::kicked, "This connection was closed by whoever looks after it.");
      http_response response;
      response.status = 204;
      return response;
    }
  }
  return error_response(
      404, "There is no client " + request.parameters[0] + ": GET /api/clients lists them.");
}

}  // namespace

void add_client_routes(router& routes, api_context& api) {
  routes.add_simple("GET", "/api/clients", [&](auto& r) { return list_clients(api, r); });
  routes.add_simple("DELETE", "/api/clients/{id}", [&](auto& r) { return kick(api, r); });
}

}  // namespace kmux::daemon
