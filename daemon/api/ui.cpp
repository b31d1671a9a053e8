// /ui: the status page. It is public text; what it shows it asks the API for, with its user's
// credentials.
#include "daemon/api/api.hpp"
#include "daemon/ui/files.hpp"

namespace kmux::daemon {

namespace {

/// Nothing from anywhere else, no inline script or style, no frames.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

http_response file(std::string_view name) {
  const auto* const found = find_ui_file(name);
  if (found == nullptr) return error_response(404, "The page has no such file.");
  http_response out;
  out.content_type = found->content_type;
  out.body = found->content;
  out.headers.emplace_back("Content-Security-Policy", policy);
  return out;
}

http_response to_page(const api_context& api) {
  http_response out;
  out.status = 302;
  out.headers.emplace_back("Location", api.base_url + "ui");
  return out;
}

}  // namespace

void add_ui_routes(router& routes, api_context& api, access page) {
  routes.add_simple("GET", "/ui", [](auto&) { return file("index.html"); }).needs = page;
  routes.add_simple("GET", "/", [&](auto&) { return to_page(api); }).needs = page;
  routes.add_open("GET", "/ui/{file}", [](auto& r) { return file(r.parameters[0]); });
}

}  // namespace kmux::daemon
