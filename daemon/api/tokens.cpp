// /api/tokens: named tokens. Of a token itself only its digest is kept; it is shown once.
#include <cmath>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/api/api.hpp"
#include "daemon/api/body.hpp"
#include "protocol/ids.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
using std::chrono::system_clock;

namespace {

constexpr std::size_t longest_name = 64;
constexpr double longest_life = 10.0 * 366 * 86400;  // seconds
/// So that tokens in places where they should not be are found by those who look for such.
constexpr std::string_view prefix = "kmux_";

std::string make_token() {
  return std::string(prefix) + random_hex(24);
}

named_token::time now() {
  return std::chrono::floor<std::chrono::seconds>(system_clock::now());
}

std::string model(const named_token& t, std::string_view token) {
  const auto time = [](const auto& when) {
    return when ? '"' + show_time(*when) + '"' : std::string("null");
  };
  auto out = fmt::format(
      R"({{"name": {}, "owner": {}, "scopes": "{}", "created": {}, "expires": {}, "expired": {})",
      json_quote(t.name), json_quote(t.owner), to_string(t.scopes), time(t.created),
      time(t.expires), t.expired(system_clock::now()));
  if (!token.empty()) out += ", \"token\": " + json_quote(token);
  return out + "}";
}

/// What somebody wants, as far as they may have it; errors are for them.
result<named_token> read_wish(const json::value& body, const identity& who) {
  named_token out;
  std::string scopes = "use";
  out.owner = who.owner;
  if (const auto r = read_string(body, "name", out.name); !r) return r.error();
  if (const auto r = read_string(body, "owner", out.owner); !r) return r.error();
  if (const auto r = read_string(body, "scopes", scopes); !r) return r.error();
  if (!is_owner_name(out.name) || out.name.size() > longest_name ||
      out.name.find_first_of("/#?") != std::string::npos || !is_owner_name(out.owner) ||
      out.owner.find('#') != std::string::npos) {
    return error{errc::bad_field,
                 "\"name\" and \"owner\" must be words, and a name at most 64 "
                 "bytes without /, # and ?."};
  }
  const auto known = parse_scopes(scopes);
  if (!known) {
    return error{errc::bad_field,
                 "\"scopes\" must be of observe, read, use, act-for and admin, "
                 "with commas between."};
  }
  out.scopes = *known;
  out.created = now();
  if (const auto* const life = json::find(body, "expires_in"); life && !life->IsNull()) {
    const double seconds = life->IsNumber() ? life->GetDouble() : -1;
    if (!(seconds >= 1 && seconds <= longest_life)) {
      return error{errc::bad_field,
                   "\"expires_in\" must be a number of seconds, at most ten years."};
    }
    out.expires = now() + std::chrono::seconds(std::llround(seconds));
  }
  return out;
}

/// Nobody gets by a new token what they may not do, nor for longer than they may.
void bound_life(named_token& token, const identity& who) {
  if (!who.expires) return;
  const auto end = std::chrono::floor<std::chrono::seconds>(*who.expires);
  if (!token.expires || *token.expires > end) token.expires = end;
}

http_response unusable(const error& e) {
  spdlog::error("event=tokens_failed error={}", json_quote(e.detail));
  return error_response(500, "The list of tokens cannot be read or written; kmuxd's log says why.");
}

using alteration = std::function<std::optional<http_response>(token_list&)>;

/// Lets `alter` change the list. It says by its answer why it does not want to.
asio::awaitable<std::optional<http_response>> change_list(api_context& api, alteration alter) {
  std::optional<http_response> refusal;
  std::function<result<void>(token_list&)> apply = [&](token_list& list) -> result<void> {
    refusal = alter(list);
    if (refusal) return error{errc::bad_field, "refused"};
    return {};
  };
  const auto done = co_await api.tokens.change(std::move(apply));
  if (!done && !refusal) refusal = unusable(done.error());
  co_return refusal;
}

/// Whose tokens a request is about: ?owner= is for administrators.
std::optional<std::string> owner_of(const http_request& request) {
  const auto* const wish = request.argument("owner");
  if (wish == nullptr || *wish == request.who.owner) return request.who.owner;
  return request.who.admin() ? std::optional(*wish) : std::nullopt;
}

http_response not_yours() {
  return error_response(403, "Only administrators have to do with others' tokens.");
}

asio::awaitable<http_response> list_tokens(api_context& api, http_request& request) {
  const auto list = co_await api.tokens.read();
  if (!list) co_return unusable(list.error());
  std::string body = "[";
  for (const auto& each : list->all()) {
    if (!request.who.admin() && each.owner != request.who.owner) continue;
    body += (body.size() > 1 ? ", " : "") + model(each, "");
  }
  co_return json_response(200, body + "]");
}

asio::awaitable<http_response> create_token(api_context& api, http_request& request) {
  const auto body = body_object(request);
  if (!body) co_return error_response(400, body.error().detail);
  auto wish = read_wish(*body, request.who);
  if (!wish) co_return error_response(400, wish.error().detail);
  const bool admin = request.who.admin();
  if (wish->owner != request.who.owner && !admin) co_return not_yours();
  if (!request.who.scopes.covers(wish->scopes)) {
    co_return error_response(403, "A token cannot have scopes that you do not have yourself.");
  }
  if (request.who.of_hub && !admin) {
    co_return error_response(403, "Have JupyterHub make your tokens: they end with your account.");
  }
  bound_life(*wish, request.who);
  const auto token = make_token();
  wish->hash = digest_of(token);
  alteration add = [&](token_list& list) -> std::optional<http_response> {
    if (list.find(wish->name, wish->owner) != nullptr) {
      return error_response(409, fmt::format("{} has a token {} already: revoke or rotate it.",
                                             wish->owner, wish->name));
    }
    list.add(*wish);
    return std::nullopt;
  };
  if (auto refused = co_await change_list(api, std::move(add))) co_return std::move(*refused);
  api.events.say("token_created", {{"name", wish->name},
                                   {"owner", wish->owner},
                                   {"scopes", to_string(wish->scopes)},
                                   {"by", request.who.owner}});
  co_return json_response(201, model(*wish, token));
}

http_response no_such_token(const std::string& name, const std::string& owner) {
  return error_response(404, fmt::format("{} has no token {}.", owner, name));
}

asio::awaitable<http_response> revoke_token(api_context& api, http_request& request) {
  const auto owner = owner_of(request);
  if (!owner) co_return not_yours();
  const auto& name = request.parameters[0];
  alteration remove = [&](token_list& list) -> std::optional<http_response> {
    if (!list.remove(name, *owner)) return no_such_token(name, *owner);
    return std::nullopt;
  };
  if (auto refused = co_await change_list(api, std::move(remove))) co_return std::move(*refused);
  api.events.say("token_revoked", {{"name", name}, {"owner", *owner}, {"by", request.who.owner}});
  http_response response;
  response.status = 204;
  co_return response;
}

asio::awaitable<http_response> rotate_token(api_context& api, http_request& request) {
  const auto owner = owner_of(request);
  if (!owner) co_return not_yours();
  const auto& name = request.parameters[0];
  const auto token = make_token();
  named_token fresh;
  alteration replace = [&](token_list& list) -> std::optional<http_response> {
    const auto* const old = list.find(name, *owner);
    if (old == nullptr) return no_such_token(name, *owner);
    if (!request.who.scopes.covers(old->scopes)) {
      return error_response(
          403, "This token may do more than you: only who may do all of it can rotate it.");
    }
    fresh = *old;
    fresh.hash = digest_of(token);
    if (old->expires && old->created) fresh.expires = now() + (*old->expires - *old->created);
    fresh.created = now();
    bound_life(fresh, request.who);
    list.remove(name, *owner);
    list.add(fresh);
    return std::nullopt;
  };
  if (auto refused = co_await change_list(api, std::move(replace))) co_return std::move(*refused);
  api.events.say("token_rotated", {{"name", name}, {"owner", *owner}, {"by", request.who.owner}});
  co_return json_response(200, model(fresh, token));
}

}  // namespace

void add_token_routes(router& routes, api_context& api) {
  routes.add("GET", "/api/tokens", [&](auto& r) { return list_tokens(api, r); });
  routes.add("POST", "/api/tokens", [&](auto& r) { return create_token(api, r); });
  routes.add("DELETE", "/api/tokens/{name}", [&](auto& r) { return revoke_token(api, r); });
  routes.add("POST", "/api/tokens/{name}/rotate", [&](auto& r) { return rotate_token(api, r); });
}

}  // namespace kmux::daemon
