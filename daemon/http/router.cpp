#include "daemon/http/router.hpp"

#include <algorithm>

#include "daemon/http/trace_context.hpp"
#include "daemon/system/log.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

std::string_view next_segment(std::string_view& path) {
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  const auto end = path.find('/');
  const auto segment = path.substr(0, end);
  path.remove_prefix(segment.size());
  return segment;
}

bool match(std::string_view pattern, std::string_view path, std::vector<std::string>& parameters) {
  parameters.clear();
  while (!pattern.empty() && !path.empty()) {
    const auto expected = next_segment(pattern);
    if (expected.ends_with("...}")) {
      parameters.emplace_back(path.substr(1));
      return !parameters.back().empty();
    }
    const auto segment = next_segment(path);
    if (expected.starts_with('{')) {
      if (segment.empty()) return false;
      parameters.emplace_back(segment);
    } else if (segment != expected) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

asio::awaitable<http_response> answer(router::simple_handler handle, http_request& request) {
  const trace_scope traced(trace_id_of(request.traceparent));
  co_return handle(request);
}

}  // namespace

router::route& router::add(std::string method, std::string pattern, handler handle) {
  const auto needs = method == "GET" ? access::look : access::use;
  routes_.push_back({std::move(method), std::move(pattern), std::move(handle), needs, false});
  return routes_.back();
}

router::route& router::add_simple(std::string method, std::string pattern, simple_handler handle) {
  return add(
      std::move(method), std::move(pattern),
      [handle = std::move(handle)](http_request& request) { return answer(handle, request); });
}

void router::add_open(std::string method, std::string pattern, simple_handler handle) {
  add_simple(std::move(method), std::move(pattern), std::move(handle)).needs = access::open;
}

void router::add_everywhere(std::string method, std::string pattern, handler handle) {
  auto& added = add(std::move(method), std::move(pattern), std::move(handle));
  added.needs = access::open;
  added.everywhere = true;
}

bool router::is_everywhere(std::string_view path) const {
  return std::any_of(routes_.begin(), routes_.end(),
                     [&](const route& r) { return r.everywhere && r.pattern == path; });
}

const router::route* router::find(http_request& request, http_response& refusal) const {
  std::string allowed;
  for (const auto& route : routes_) {
    if (!match(route.pattern, request.path, request.parameters)) continue;
    if (route.method == request.method || (route.method == "GET" && request.method == "HEAD")) {
      return &route;
    }
    allowed += (allowed.empty() ? "" : ", ") + route.method;
  }
  if (allowed.empty()) {
    refusal = error_response(404,
                             "There is nothing at this address. GET /api/spec.yaml lists "
                             "what there is.");
  } else {
    refusal = error_response(405, "This address takes " + allowed + ".");
    refusal.headers.emplace_back("Allow", allowed);
  }
  return nullptr;
}

}  // namespace kmux::daemon
