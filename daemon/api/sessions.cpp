// /api/sessions and what is below it.
#include <fmt/format.h>

#include "daemon/api/api.hpp"
#include "daemon/api/body.hpp"
#include "protocol/ids.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

http_response no_such_session(const std::string& id) {
  return error_response(404, fmt::format("Session not found: session_id='{}'", id));
}

std::string session_model(const api_context& api, const session& s, const identity& who) {
  const auto found = api.kernels.find(s.kernel_id, who);
  const std::string notebook = s.type == "notebook"
                                   ? fmt::format(R"(, "notebook": {{"path": {}, "name": {}}})",
                                                 json_quote(s.path), json_quote(s.name))
                                   : "";
  return fmt::format(R"({{"id": {}, "path": {}, "name": {}, "type": {}, "kernel": {}{}}})",
                     json_quote(s.id), json_quote(s.path), json_quote(s.name), json_quote(s.type),
                     found ? found->model() : "null", notebook);
}

http_response list_sessions(const api_context& api, const http_request& request) {
  std::string body = "[";
  for (const auto& each : api.sessions.list(request.who)) {
    if (body.size() > 1) body += ", ";
    body += session_model(api, each, request.who);
  }
  return json_response(200, body + "]");
}

/// What a POST or PATCH says of the session and its kernel.
struct session_request {
  session wanted;
  std::string kernel_id, kernel_name;
  environment env;
};

result<session_request> read_session(const http_request& request, session base) {
  const auto body = body_object(request);
  if (!body) return body.error();
  session_request out;
  out.wanted = std::move(base);
  for (const auto& [name, target] :
       {std::pair{"path", &out.wanted.path}, std::pair{"name", &out.wanted.name},
        std::pair{"type", &out.wanted.type}}) {
    if (const auto r = read_string(*body, name, *target); !r) return r.error();
  }
  // Older clients name the notebook instead.
  if (const auto* const notebook = json::find(*body, "notebook");
      notebook && notebook->IsObject()) {
    if (out.wanted.path.empty()) {
      if (const auto r = read_string(*notebook, "path", out.wanted.path); !r) return r.error();
    }
    if (const auto r = read_string(*notebook, "name", out.wanted.name); !r) return r.error();
  }
  if (const auto* const kernel = json::find(*body, "kernel")) {
    if (!kernel->IsObject()) return error{errc::bad_field, "\"kernel\" must be an object."};
    if (const auto r = read_string(*kernel, "id", out.kernel_id); !r) return r.error();
    if (const auto r = read_string(*kernel, "name", out.kernel_name); !r) return r.error();
    if (const auto r = read_environment(*kernel, out.env); !r) return r.error();
  }
  return out;
}

kernel_manager::started kernel_for(const api_context& api, const session_request& r,
                                   const http_request& request) {
  kernel_request wanted;
  wanted.id = r.kernel_id;
  wanted.name = r.kernel_name;
  const auto slash = r.wanted.path.rfind('/');
  if (slash != std::string::npos) wanted.path = r.wanted.path.substr(0, slash);
  wanted.env = r.env;
  wanted.env.emplace("JPY_SESSION_NAME", r.wanted.path);
  return start_for(api, std::move(wanted), request);
}

http_response created(const api_context& api, const session& s, const identity& who) {
  auto response = json_response(201, session_model(api, s, who));
  response.headers.emplace_back("Location", api.base_url + "api/sessions/" + s.id);
  return response;
}

asio::awaitable<http_response> create_session(api_context& api, http_request& request) {
  if (request.body.empty()) co_return error_response(400, "No JSON data provided");
  session fresh;
  fresh.type.clear();
  auto wanted = read_session(request, fresh);
  if (!wanted) co_return error_response(400, wanted.error().detail);
  session& s = wanted->wanted;
  if (s.path.empty()) co_return error_response(400, "Missing field in JSON data: path");
  if (s.type.empty()) s.type = "notebook";
  // No wait between the look and the start: two requests for one path get one kernel.
  co_await api.specs.refresh(api.disk);
  if (const auto existing = api.sessions.find_path(s.path, request.who)) {
    co_return created(api, *existing, request.who);
  }
  const auto started = kernel_for(api, *wanted, request);
  if (!started) co_return refusal_response(started.error());
  s.id = make_uuid();
  s.owner = request.who.owner;
  s.kernel_id = (*started)->id();
  api.sessions.put(s);
  if (const auto refused = co_await api.kernels.launched(*started)) {
    api.sessions.remove(s.id);
    co_return refusal_response(*refused);
  }
  co_return created(api, s, request.who);
}

http_response show_session(const api_context& api, const http_request& request) {
  const auto found = api.sessions.find(request.parameters[0], request.who);
  if (!found) return no_such_session(request.parameters[0]);
  return json_response(200, session_model(api, *found, request.who));
}

asio::awaitable<http_response> change_session(api_context& api, http_request& request) {
  co_await api.specs.refresh(api.disk);
  const auto found = api.sessions.find(request.parameters[0], request.who);
  if (!found) co_return no_such_session(request.parameters[0]);
  auto wanted = read_session(request, *found);
  if (!wanted) co_return error_response(400, wanted.error().detail);
  session& s = wanted->wanted;
  std::shared_ptr<kernel> replaced;
  if (!wanted->kernel_id.empty() && wanted->kernel_id != s.kernel_id) {
    if (!api.kernels.find(wanted->kernel_id, request.who)) {
      const auto message = "No such kernel: " + wanted->kernel_id;
      co_return error_response(400, message);
    }
    s.kernel_id = wanted->kernel_id;
  } else if (wanted->kernel_id.empty() && !wanted->kernel_name.empty()) {
    const auto started = kernel_for(api, *wanted, request);
    if (!started) co_return refusal_response(started.error());
    if (const auto refused = co_await api.kernels.launched(*started)) {
      co_return refusal_response(*refused);
    }
    replaced = api.kernels.find(s.kernel_id, request.who);
    s.kernel_id = (*started)->id();
  }
  api.sessions.put(s);
  if (replaced) co_await replaced->stop();
  co_return json_response(200, session_model(api, s, request.who));
}

asio::awaitable<http_response> delete_session(const api_context& api, http_request& request) {
  const auto found = api.sessions.find(request.parameters[0], request.who);
  if (!found) co_return no_such_session(request.parameters[0]);
  api.sessions.remove(found->id);
  if (const auto kernel = api.kernels.find(found->kernel_id, request.who)) co_await kernel->stop();
  http_response response;
  response.status = 204;
  co_return response;
}

}  // namespace

void add_session_routes(router& routes, api_context& api) {
  routes.add_simple("GET", "/api/sessions", [&](auto& r) { return list_sessions(api, r); });
  routes.add("POST", "/api/sessions", [&](auto& r) { return create_session(api, r); });
  routes.add_simple("GET", "/api/sessions/{id}", [&](auto& r) { return show_session(api, r); });
  routes.add("PATCH", "/api/sessions/{id}", [&](auto& r) { return change_session(api, r); });
  routes.add("DELETE", "/api/sessions/{id}", [&](auto& r) { return delete_session(api, r); });
}

}  // namespace kmux::daemon
