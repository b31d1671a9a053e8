#include "daemon/http/service.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/http/text.hpp"
#include "daemon/http/trace_context.hpp"
#include "daemon/system/log.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

/// FNV-1a: tells whether a file has changed; nothing depends on its being hard to guess.
std::uint64_t fingerprint(std::string_view bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

void add_etag(const http_request& request, http_response& response) {
  if (response.status != 200 || response.source ||
      (request.method != "GET" && request.method != "HEAD"))
    return;
  const std::string etag = fmt::format("\"{:016x}\"", fingerprint(response.body));
  response.headers.emplace_back("ETag", etag);
  const auto* const known = request.header("If-None-Match");
  if (known == nullptr || (!has_token(*known, etag) && !has_token(*known, "W/" + etag))) return;
  response.status = 304;
  response.body.clear();
}

http_response preflight() {
  http_response response;
  response.status = 204;
  response.headers.emplace_back("Access-Control-Allow-Methods",
                                "GET, PUT, POST, PATCH, DELETE, OPTIONS");
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "accept, content-type, authorization, x-xsrftoken");
  return response;
}

void log_failure(const http_request& request, const std::exception& e) {
  const trace_scope traced(trace_id_of(request.traceparent));
  spdlog::error("event=request_failed method={} error=\"{}\"", request.method, e.what());
}

}  // namespace

bool service::resolve(http_request& request, http_response& refusal) const {
  const std::string_view target = request.target;
  const auto mark = target.find('?');
  auto path = percent_decode(target.substr(0, mark));
  auto query =
      parse_query(mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1));
  if (!path || !query) {
    refusal = error_response(400, "The address is not percent-encoded UTF-8.");
    return false;
  }
  request.query = std::move(*query);
  const std::string_view base =
      std::string_view(settings_.base_url).substr(0, settings_.base_url.size() - 1);
  if (routes_.is_everywhere(*path)) {
    request.path = std::move(*path);
    return true;
  }
  const bool has_base =
      path->starts_with(base) && (path->size() == base.size() || (*path)[base.size()] == '/');
  // The prefix is a proxy's. Whoever is on this host (kmux, curl --unix-socket) need not know it.
  if (!has_base && !request.peer.uid) {
    refusal = error_response(404, "Addresses here begin with " + settings_.base_url);
    return false;
  }
  if (has_base) path->erase(0, base.size());
  while (path->size() > 1 && path->back() == '/')
    path->pop_back();
  request.path = path->empty() ? "/" : std::move(*path);
  return true;
}

asio::awaitable<http_response> service::handle(http_request& request) {
  http_response refusal;
  const bool resolved = resolve(request, refusal);
  if (refusal.status == 400) co_return refusal;
  if (resolved && request.method == "OPTIONS") co_return preflight();
  const auto* const route = resolved ? routes_.find(request, refusal) : nullptr;
  const bool health = route != nullptr && route->everywhere;  // asked by any name, and says nothing
  if (!health) {
    const auto needs = route != nullptr ? route->needs : access::look;
    if (auto refused = co_await door_.admit(request, needs)) co_return std::move(*refused);
  }
  if (route == nullptr) co_return refusal;
  auto response = co_await route->handle(request);
  if (route->needs != access::open) door_.done(request, response.status);
  co_return response;
}

asio::awaitable<http_response> service::respond(http_request& request) {
  const auto begun = std::chrono::steady_clock::now();
  http_response response;
  bool failed = false;
  request.traceparent = traceparent_of(request);
  try {
    response = co_await handle(request);
  } catch (const boost::system::system_error& e) {
    if (e.code() == asio::error::operation_aborted) throw;  // the daemon ends
    log_failure(request, e);
    failed = true;
  } catch (const std::exception& e) {
    log_failure(request, e);
    failed = true;
  }
  if (failed) response = error_response(500, "This is a defect of kmuxd; its log says more.");
  add_etag(request, response);
  add_origin(response);
  counted_.count_response(response.status, std::chrono::steady_clock::now() - begun);
  const trace_scope traced(trace_id_of(request.traceparent));
  if (!request.traceparent.empty())
    response.headers.emplace_back("traceresponse", make_traceresponse(request.traceparent));
  spdlog::debug("event=request method={} path=\"{}\" status={} owner={}", request.method,
                request.path, response.status, request.who.owner);
  co_return response;
}

void service::add_origin(http_response& response) const {
  if (settings_.allow_origin.empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", settings_.allow_origin);
  if (settings_.allow_origin != "*") response.headers.emplace_back("Vary", "Origin");
}

}  // namespace kmux::daemon
