// /api/kernelspecs, and the files of kernelspecs.
#include <algorithm>

#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "daemon/http/text.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace {

std::string spec_model(const api_context& api, const installed_spec& s, std::string_view name) {
  std::string argv, env, resources;
  const auto add = [](std::string& list, std::string item) {
    if (!list.empty()) list += ", ";
    list += item;
  };
  for (const auto& word : s.spec.argv)
    add(argv, json_quote(word));
  for (const auto& [key, value] : s.spec.env)
    add(env, json_quote(key) + ": " + json_quote(value));
  for (const auto& [key, file] : spec_store::resources(s)) {
    const auto url = fmt::format("{}kernelspecs/{}/{}", api.base_url, percent_encode(s.name),
                                 percent_encode(file));
    add(resources, json_quote(key) + ": " + json_quote(url));
  }
  return fmt::format(
      R"({{"name": {}, "spec": {{"argv": [{}], "env": {{{}}}, "display_name": {}, "language": {}, )"
      R"("interrupt_mode": {}, "metadata": {}, "kernel_protocol_version": {}}}, "resources": {{{}}}}})",
      json_quote(name), argv, env, json_quote(s.spec.display_name), json_quote(s.spec.language),
      json_quote(s.spec.interrupt_mode), s.spec.metadata,
      json_quote(s.spec.kernel_protocol_version), resources);
}

http_response list_specs(const api_context& api, const http_request&) {
  std::string specs;
  for (const auto& each : api.specs.list()) {
    if (!specs.empty()) specs += ", ";
    specs += json_quote(each.name) + ": " + spec_model(api, each, each.name);
  }
  return json_response(200, fmt::format(R"({{"default": {}, "kernelspecs": {{{}}}}})",
                                        json_quote(api.specs.default_name()), specs));
}

http_response show_spec(const api_context& api, const http_request& request) {
  const auto found = api.specs.find(request.parameters[0]);
  if (!found) {
    return error_response(found.error().code == errc::not_found ? 404 : 500, found.error().detail);
  }
  return json_response(200, spec_model(api, *found, request.parameters[0]));
}

std::string_view media_type(std::string_view file) {
  const auto dot = file.rfind('.');
  const auto ending = dot == std::string_view::npos ? std::string_view{} : file.substr(dot + 1);
  if (ending == "png") return "image/png";
  if (ending == "svg") return "image/svg+xml";
  if (ending == "jpg" || ending == "jpeg") return "image/jpeg";
  if (ending == "gif") return "image/gif";
  if (ending == "js") return "text/javascript";
  if (ending == "css") return "text/css";
  if (ending == "json") return "application/json";
  return "application/octet-stream";
}

http_response send_resource(const api_context& api, const http_request& request) {
  const auto found = api.specs.find(request.parameters[0]);
  if (!found) return error_response(404, found.error().detail);
  auto content = spec_store::read_resource(*found, request.parameters[1]);
  if (!content) return error_response(404, content.error().detail);
  http_response response;
  response.content_type = media_type(request.parameters[1]);
  // The files belong to whoever installed the kernel: a page of theirs must not run as ours.
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; sandbox");
  response.body = std::move(*content);
  return response;
}

}  // namespace

void add_spec_routes(router& routes, api_context& api) {
  routes.add_simple("GET", "/api/kernelspecs", [&](auto& r) { return list_specs(api, r); });
  routes.add_simple("GET", "/api/kernelspecs/{name}", [&](auto& r) { return show_spec(api, r); });
  routes.add_simple("GET", "/kernelspecs/{name}/{file...}",
                    [&](auto& r) { return send_resource(api, r); });
}

}  // namespace kmux::daemon
