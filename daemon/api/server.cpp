// /api, /api/status, /api/me, /api/spec.yaml.
#include <algorithm>

#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "daemon/api/openapi.hpp"
#include "daemon/clock.hpp"
#include "daemon/version.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux::daemon {

namespace {

http_response version_document(const http_request&) {
  return json_response(
      200, fmt::format(R"({{"version": "{}", "kmux_version": "{}"}})", api_version, kmux_version));
}

http_response status(const api_context& api, const http_request& request) {
  const auto kernels = api.kernels.list(request.who);
  std::size_t connections = 0;
  auto last = api.started;
  for (const auto& each : kernels) {
    connections += each->connections();
    last = std::max(last, each->last_activity());
  }
  return json_response(
      200,
      fmt::format(R"({{"connections": {}, "kernels": {}, "last_activity": "{}", "started": "{}"}})",
                  connections, kernels.size(), iso_time(last), iso_time(api.started)));
}

/// What these credentials may do with what is theirs.
std::string_view actions_of(const identity& who) {
  if (who.may(access::use)) return R"(["read", "write", "execute"])";
  return R"(["read"])";
}

/// Of the actions asked for, those that are allowed.
std::string granted(const json::value& wanted, const identity& who) {
  std::string out;
  if (!wanted.IsArray()) return "[]";
  for (const auto& each : wanted.GetArray()) {
    if (!each.IsString()) continue;
    const std::string_view action(each.GetString(), each.GetStringLength());
    if (action != "read" && !who.may(access::use)) continue;
    out += (out.empty() ? "" : ", ") + json_quote(action);
  }
  return "[" + out + "]";
}

http_response me(const http_request& request) {
  std::string permissions;
  if (const auto* const asked = request.argument("permissions")) {
    const auto wanted = json::parse_object(*asked, "permissions");
    if (!wanted) {
      return error_response(400,
                            "permissions must be a JSON object: {\"RESOURCE\": [\"ACTION\"…]}.");
    }
    for (const auto& member : wanted->GetObject()) {
      if (!permissions.empty()) permissions += ", ";
      const std::string_view resource(member.name.GetString(), member.name.GetStringLength());
      const bool ours =
          resource == "kernels" || resource == "sessions" || resource == "kernelspecs";
      permissions +=
          json_quote(resource) + ": " + (ours ? granted(member.value, request.who) : "[]");
    }
  } else {
    permissions = fmt::format(R"("kernels": {0}, "sessions": {0}, "kernelspecs": ["read"])",
                              actions_of(request.who));
  }
  const auto name = json_quote(request.who.owner);
  const auto expires =
      request.who.expires ? json_quote(iso_time(*request.who.expires)) : std::string("null");
  const auto initial = json_quote(std::string_view(request.who.owner).substr(0, 1));
  return json_response(
      200, fmt::format(
               R"({{"identity": {{"username": {0}, "name": {0}, "display_name": {0}, )"
               R"("initials": {1}, "avatar_url": null, "color": null}}, "permissions": {{{2}}}, )"
               R"("kmux": {{"scopes": "{3}", "credentials": {4}, "expires": {5}}}}})",
               name, initial, permissions, to_string(request.who.scopes),
               json_quote(request.who.credentials), expires));
}

http_response openapi(const api_context& api) {
  http_response response;
  response.content_type = "application/yaml";
  response.body = openapi_document(api.base_url);
  return response;
}

}  // namespace

void add_server_routes(router& routes, api_context& api) {
  // The one thing that answers without credentials: the health check.
  routes.add_open("GET", "/api", [](auto& r) { return version_document(r); });
  routes.add_simple("GET", "/api/status", [&](auto& r) { return status(api, r); });
  routes.add_simple("GET", "/api/me", [](auto& r) { return me(r); });
  routes.add_simple("GET", "/api/spec.yaml", [&](auto&) { return openapi(api); });
}

}  // namespace kmux::daemon
