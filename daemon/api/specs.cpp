// /api/kernelspecs, and the files of kernelspecs.
#include <algorithm>

#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "daemon/http/text.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

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
  for (const auto& [key, file] : s.resources) {
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

asio::awaitable<http_response> list_specs(api_context& api, http_request&) {
  co_await api.specs.refresh(api.disk);
  std::string specs;
  for (const auto& each : api.specs.list()) {
    if (!specs.empty()) specs += ", ";
    specs += json_quote(each.name) + ": " + spec_model(api, each, each.name);
  }
  co_return json_response(200, fmt::format(R"({{"default": {}, "kernelspecs": {{{}}}}})",
                                           json_quote(api.specs.default_name()), specs));
}

asio::awaitable<http_response> show_spec(api_context& api, http_request& request) {
  co_await api.specs.refresh(api.disk);
  const auto found = api.specs.find(request.parameters[0]);
  if (found) co_return json_response(200, spec_model(api, *found, request.parameters[0]));
  const int status = found.error().code == errc::not_found ? 404 : 500;
  co_return error_response(status, found.error().detail);
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

asio::awaitable<http_response> send_resource(api_context& api, http_request& request) {
  const auto found = api.specs.find(request.parameters[0]);
  if (!found) co_return error_response(404, found.error().detail);
  const std::string file = request.parameters[1];
  auto work = [directory = found->resource_dir, file] { return read_resource(directory, file); };
  auto content = co_await api.disk.run(std::move(work));
  if (!content) co_return error_response(404, content.error().detail);
  http_response response;
  response.content_type = media_type(file);
  // The files belong to whoever installed the kernel: a page of theirs must not run as ours.
  response.headers.emplace_back("Content-Security-Policy", "default-src 'none'; sandbox");
  response.body = std::move(*content);
  co_return response;
}

}  // namespace

void add_spec_routes(router& routes, api_context& api) {
  routes.add("GET", "/api/kernelspecs", [&](auto& r) { return list_specs(api, r); });
  routes.add("GET", "/api/kernelspecs/{name}", [&](auto& r) { return show_spec(api, r); });
  routes.add("GET", "/kernelspecs/{name}/{file...}",
             [&](auto& r) { return send_resource(api, r); });
}

}  // namespace kmux::daemon
