// /api/kernels and what is below it.
#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "daemon/api/body.hpp"
#include "daemon/http/trace_context.hpp"
#include "daemon/system/log.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

http_response no_such_kernel(const std::string& id) {
  return error_response(404, "Kernel does not exist: " + id);
}

http_response list_kernels(const api_context& api, const http_request& request) {
  std::string body = "[";
  for (const auto& each : api.kernels.list(request.who)) {
    if (body.size() > 1) body += ", ";
    body += each->model();
  }
  return json_response(200, body + "]");
}

/// Without the document, which may be ten times as long as the body: others are read meanwhile.
result<kernel_request> read_body(const http_request& request) {
  const auto body = body_object(request);
  if (!body) return body.error();
  return read_kernel_request(*body);
}

asio::awaitable<http_response> start_kernel(api_context& api, http_request& request) {
  auto wanted = read_body(request);
  if (!wanted) co_return error_response(400, wanted.error().detail);
  co_await api.specs.refresh(api.disk);
  const auto started = start_for(api, std::move(*wanted), request);
  if (!started) co_return refusal_response(started.error());
  if (const auto refused = co_await api.kernels.launched(*started)) {
    co_return refusal_response(*refused);
  }
  auto response = json_response(201, (*started)->model());
  response.headers.emplace_back("Location", api.base_url + "api/kernels/" + (*started)->id());
  co_return response;
}

/// What is read from the system is of one kernel only: for a thousand it would take long.
asio::awaitable<http_response> show_kernel(const api_context& api, http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) co_return no_such_kernel(request.parameters[0]);
  auto look = [places = found->resources()] { return resources_json(places); };
  const auto resources = co_await api.disk.run(std::move(look));
  co_return json_response(200, found->model(resources));
}

asio::awaitable<http_response> delete_kernel(const api_context& api, http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) co_return no_such_kernel(request.parameters[0]);
  {
    const trace_scope traced(trace_id_of(request.traceparent));
    found->finish_stop();
  }
  co_await found->gone();
  http_response response;
  response.status = 204;
  co_return response;
}

asio::awaitable<http_response> restart_kernel(api_context& api, http_request& request) {
  co_await api.specs.refresh(api.disk);
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) co_return no_such_kernel(request.parameters[0]);
  const auto done = co_await found->restart();
  if (!done) {
    const auto message = "The kernel could not be restarted: " + done.error().detail;
    co_return error_response(500, message);
  }
  auto response = json_response(200, found->model());
  response.headers.emplace_back("Location", api.base_url + "api/kernels/" + found->id());
  co_return response;
}

http_response interrupt_kernel(const api_context& api, const http_request& request) {
  const auto found = api.kernels.find(request.parameters[0], request.who);
  if (!found) return no_such_kernel(request.parameters[0]);
  if (const auto done = found->interrupt(); !done) return error_response(409, done.error().detail);
  http_response response;
  response.status = 204;
  return response;
}

}  // namespace

kernel_manager::started start_for(const api_context& api, kernel_request wanted,
                                  const http_request& request) {
  const trace_scope traced(trace_id_of(request.traceparent));
  wanted.traceparent = request.traceparent;
  return api.kernels.start(wanted, request.who);
}

http_response refusal_response(const kernel_manager::refusal& refusal) {
  auto response = error_response(refusal.status, refusal.message);
  if (refusal.retry_after) {
    response.headers.emplace_back("Retry-After", fmt::to_string(refusal.retry_after->count()));
  }
  return response;
}

void add_kernel_routes(router& routes, api_context& api) {
  routes.add_simple("GET", "/api/kernels", [&](auto& r) { return list_kernels(api, r); });
  routes.add("POST", "/api/kernels", [&](auto& r) { return start_kernel(api, r); });
  routes.add("GET", "/api/kernels/{id}", [&](auto& r) { return show_kernel(api, r); });
  routes.add("DELETE", "/api/kernels/{id}", [&](auto& r) { return delete_kernel(api, r); });
  routes.add("POST", "/api/kernels/{id}/restart", [&](auto& r) { return restart_kernel(api, r); });
  routes.add_simple("POST", "/api/kernels/{id}/interrupt",
                    [&](auto& r) { return interrupt_kernel(api, r); });
}

}  // namespace kmux::daemon
