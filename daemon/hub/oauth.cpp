#include "daemon/hub/oauth.hpp"

#include <charconv>
#include <ctime>

#include <fmt/format.h>

#include "daemon/auth/browser_rules.hpp"
#include "daemon/http/text.hpp"
#include "protocol/ids.hpp"
#include "protocol/json_document.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr int login_time = 600;          // seconds
constexpr int cookie_time = 14 * 86400;  // the Hub's own default for its tokens
constexpr std::string_view token_purpose = "token", login_purpose = "login", xsrf_purpose = "xsrf";
constexpr char separator = '\n';

/// A login on its way.
struct login_state {
  std::string state, verifier, next;
  long long until = 0;

  std::string text() const {
    return fmt::format("{}{}{}{}{}{}{}", state, separator, verifier, separator, until, separator,
                       next);
  }
};

std::optional<login_state> parse_login(std::string_view text) {
  const auto word = [&] {
    const auto end = std::min(text.find(separator), text.size());
    auto out = std::string(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return out;
  };
  login_state out;
  out.state = word();
  out.verifier = word();
  const auto until = word();
  out.next = std::string(text);
  const auto [end, failed] = std::from_chars(until.data(), until.data() + until.size(), out.until);
  if (failed != std::errc{} || out.state.empty()) return std::nullopt;
  return out;
}

http_response redirect(const std::string& where) {
  http_response out;
  out.status = 302;
  out.content_type = "text/plain";
  out.headers.emplace_back("Location", where);
  return out;
}

bool by_https(const http_request& request) {
  const auto* const proto = request.header("X-Forwarded-Proto");
  return proto != nullptr && proto->starts_with("https");
}

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields)
    out += (out.empty() ? "" : "&") + name + "=" + percent_encode(value);
  return out;
}

}  // namespace

oauth::oauth(hub& h) : hub_(h), config_(h.settings()), sealer_(config_.api_token.reveal()) {
}

std::string oauth::token_of(const http_request& request) const {
  const auto value = cookie(request, config_.client_id);
  if (value.empty()) return "";
  return sealer_.open(value, token_purpose).value_or("");
}

std::string oauth::xsrf_of(const std::string& token) const {
  return sealer_.mark(token, xsrf_purpose);
}

std::string oauth::set_cookie(const http_request& request, const std::string& name,
                              const std::string& value, int seconds, bool for_scripts) const {
  return fmt::format("{}={}; Path={}; Max-Age={}; SameSite=Lax{}{}", name, value,
                     config_.service_prefix, seconds, for_scripts ? "" : "; HttpOnly",
                     by_https(request) ? "; Secure" : "");
}

http_response oauth::login(const http_request& request) const {
  login_state state;
  state.state = random_hex(16);
  state.verifier = random_hex(32);
  state.until = std::time(nullptr) + login_time;
  // Our own addresses only: `target` begins with one slash, since a head with another is refused.
  if (!request.target.starts_with("//")) state.next = request.target;
  auto out = redirect(config_.host + config_.base_url + "hub/api/oauth2/authorize?" +
                      form({{"client_id", config_.client_id},
                            {"redirect_uri", config_.callback_url},
                            {"response_type", "code"},
                            {"state", state.state},
                            {"code_challenge", base64url(sha256(state.verifier))},
                            {"code_challenge_method", "S256"}}));
  out.headers.emplace_back(
      "Set-Cookie", set_cookie(request, config_.client_id + "-oauth-state",
                               sealer_.seal(state.text(), login_purpose), login_time, false));
  return out;
}

asio::awaitable<http_response> oauth::callback(http_request& request) const {
  const auto state_cookie = config_.client_id + "-oauth-state";
  const auto opened = sealer_.open(cookie(request, state_cookie), login_purpose);
  const auto login = opened ? parse_login(*opened) : std::nullopt;
  const auto* const state = request.argument("state");
  const auto* const code = request.argument("code");
  if (!login || state == nullptr || *state != login->state || login->until < std::time(nullptr)) {
    co_return error_response(400, "This login did not begin here, or too long ago. Open " +
                                      config_.service_prefix + " again.");
  }
  if (code == nullptr) {
    co_return error_response(403, "JupyterHub has not let this login through.");
  }
  hub_request wanted;
  wanted.method = "POST";
  wanted.path = "/oauth2/token";
  wanted.content_type = "application/x-www-form-urlencoded";
  wanted.body = form({{"client_id", config_.client_id},
                      {"client_secret", config_.api_token.reveal()},
                      {"grant_type", "authorization_code"},
                      {"code", *code},
                      {"redirect_uri", config_.callback_url},
                      {"code_verifier", login->verifier}});
  const auto answer = co_await hub_.client().ask(std::move(wanted));
  const auto body = json::parse_object(answer.body, "the Hub's answer");
  const auto token = body ? json::string_at(*body, "access_token") : std::nullopt;
  if (answer.status != 200 || !token) {
    const int status = answer.status == 0 ? 503 : answer.status >= 500 ? 502 : 403;
    co_return error_response(status, "JupyterHub has not completed this login. Try again.");
  }
  const std::string got(*token);
  auto out = redirect(login->next.empty() ? config_.service_prefix : login->next);
  out.headers.emplace_back(
      "Set-Cookie",
      set_cookie(request, config_.client_id, sealer_.seal(got, token_purpose), cookie_time, false));
  out.headers.emplace_back("Set-Cookie",
                           set_cookie(request, "_xsrf", xsrf_of(got), cookie_time, true));
  out.headers.emplace_back("Set-Cookie", set_cookie(request, state_cookie, "", 0, false));
  co_return out;
}

http_response oauth::logout(const http_request& request) const {
  auto out = redirect(config_.host + config_.base_url + "hub/home");
  out.headers.emplace_back("Set-Cookie", set_cookie(request, config_.client_id, "", 0, false));
  out.headers.emplace_back("Set-Cookie", set_cookie(request, "_xsrf", "", 0, true));
  return out;
}

}  // namespace kmux::daemon
