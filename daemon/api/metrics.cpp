// /metrics.
#include <chrono>

#include "daemon/api/api.hpp"
#include "daemon/metrics/table.hpp"

namespace kmux::daemon {

namespace {

double seconds_of(std::chrono::system_clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

kernel_sample sample_of(const kernel& from) {
  kernel_sample out;
  out.id = from.id();
  out.owner = from.owner();
  out.spec = from.spec_name();
  out.state = from.state_name();
  out.clients = from.clients().size();
  for (const auto* const client : from.clients()) {
    const auto waiting = client->waiting_bytes();
    out.queue_bytes += waiting;
    out.longest_queue = std::max<std::uint64_t>(out.longest_queue, waiting);
    if (client->behind()) ++out.clients_behind;
  }
  out.messages = from.head();
  out.journal_fails = !from.recording();
  out.last_activity = seconds_of(from.last_activity());
  return out;
}

/// Prometheus' text, of everybody's kernels.
http_response metrics(const api_context& api, const http_request& request) {
  if (!request.who.may_see_all()) {
    return error_response(403,
                          "Metrics are of everybody's kernels: use a token with the scope "
                          "\"observe\", or an administrator's.");
  }
  const auto kernels = api.kernels.list(request.who);  // what is said of them refers to them
  snapshot s{api.metrics.counted};
  std::vector<std::string> ids;
  for (const auto& each : kernels) {
    s.kernels.push_back(sample_of(*each));
    ids.push_back(each->id());
  }
  for (auto& each : api.specs.list())
    s.specs.push_back(std::move(each.name));
  s.stored = api.metrics.stored.last();
  s.connections = api.metrics.connections();
  s.draining = api.kernels.drained().on();
  s.per_kernel = api.metrics.per_kernel;
  s.started = seconds_of(api.started);
  s.process = own_usage();
  http_response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = exposition(s);
  api.metrics.stored.refresh(std::move(ids));
  return response;
}

}  // namespace

void add_metrics_routes(router& routes, api_context& api) {
  routes.add_simple("GET", "/metrics", [&](auto& r) { return metrics(api, r); });
}

}  // namespace kmux::daemon
