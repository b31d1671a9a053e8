// /api/drain.
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "daemon/api/body.hpp"
#include "daemon/clock.hpp"

namespace kmux::daemon {

namespace {

constexpr double longest = 366.0 * 86400;  // seconds

http_response show(const api_context& api) {
  const auto& drain = api.kernels.drained();
  const auto* const state = !drain.on() ? "off" : api.kernels.size() > 0 ? "draining" : "drained";
  std::string deadline = "null";
  if (const auto left = drain.left()) {
    using std::chrono::system_clock;
    const auto when =
        system_clock::now() + std::chrono::duration_cast<system_clock::duration>(*left);
    deadline = fmt::format("\"{}\"", iso_time(when));
  }
  return json_response(200, fmt::format(R"({{"state": "{}", "deadline": {}, "kernels": {}}})",
                                        state, deadline, api.kernels.size()));
}

/// Absent or null: none.
result<std::optional<drain::clock::duration>> read_deadline(const http_request& request) {
  const auto body = body_object(request);
  if (!body) return body.error();
  std::optional<drain::clock::duration> out;
  const auto* const deadline = json::find(*body, "deadline");
  if (deadline == nullptr || deadline->IsNull()) return out;
  const double seconds = deadline->IsNumber() ? deadline->GetDouble() : -1;
  if (!(seconds >= 0 && seconds <= longest)) {
    return error{errc::bad_field,
                 "\"deadline\" must be a number of seconds from now, or null for none."};
  }
  out = std::chrono::milliseconds(std::llround(seconds * 1000));
  return out;
}

http_response begin(api_context& api, const http_request& request) {
  const auto deadline = read_deadline(request);
  if (!deadline) return error_response(400, deadline.error().detail);
  api.kernels.begin_drain(*deadline);
  const auto left =
      *deadline ? fmt::format("{}s", std::chrono::duration<double>(**deadline).count()) : "none";
  api.events.say("drain_begun",
                 {{"by", request.who.owner}, {"kernels", api.kernels.size()}, {"deadline", left}});
  return show(api);
}

http_response end(api_context& api, const http_request& request) {
  api.kernels.end_drain();
  api.events.say("drain_ended", {{"by", request.who.owner}, {"kernels", api.kernels.size()}});
  http_response response;
  response.status = 204;
  return response;
}

}  // namespace

void add_drain_routes(router& routes, api_context& api) {
  const auto add = [&](const char* method, auto handle) {
    auto& added = routes.add_simple(method, "/api/drain", [&api, handle](http_request& request) {
      return handle(api, request);
    });
    added.needs = access::admin;
  };
  add("GET", [](api_context& a, const http_request&) { return show(a); });
  add("POST", begin);
  add("DELETE", end);
}

}  // namespace kmux::daemon
