#include "daemon/hub/hub.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/hub/sealed.hpp"
#include "protocol/json_document.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_known = 10'000;
constexpr auto refusals_good_for = std::chrono::seconds(10);

std::vector<std::string> words_of(const json::value& list) {
  std::vector<std::string> out;
  if (!list.IsArray()) return out;
  for (const auto& each : list.GetArray()) {
    if (each.IsString()) out.emplace_back(each.GetString(), each.GetStringLength());
  }
  return out;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool scope_covers(std::string_view held, std::string_view wanted) {
  return held == wanted ||
         (held.find('!') == std::string_view::npos && wanted.substr(0, wanted.find('!')) == held);
}

hub::hub(asio::io_context& io, const config::hub_config& c) : io_(io), config_(c), client_(io, c) {
  const auto scopes = json::parse(c.access_scopes, "JUPYTERHUB_OAUTH_ACCESS_SCOPES");
  if (scopes) access_scopes_ = words_of(*scopes);
  if (access_scopes_.empty() && !c.service_name.empty()) {
    access_scopes_ = {"access:services", "access:services!service=" + c.service_name};
  }
}

asio::awaitable<verdict> hub::who_is(std::string token, std::string session) {
  const auto key = sha256(token) + session;
  for (auto found = cache_.find(key); found != cache_.end(); found = cache_.find(key)) {
    const auto known = found->second;
    const bool waited = known->pending;
    while (known->pending)
      co_await known->known.wait();
    // What was asked while we waited is for us, however late we come to hear it. Where it was not
    // asked to the end, one of us asks again, and the others wait for that.
    const bool answered = known->good_until != clock::time_point();
    if (answered && (waited || clock::now() < known->good_until)) co_return known->said;
    if (!waited) break;
  }
  make_room();
  const auto mine = std::make_shared<entry>(io_);
  cache_[key] = mine;
  ++asked_;
  mine->said = verdict::refused(503, "JupyterHub was not asked to the end. Try again.");
  // Also where this request is cut off meanwhile: others wait for it.
  const std::shared_ptr<void> told(nullptr, [mine](void*) {
    mine->pending = false;
    mine->known.notify();
  });
  hub_request request;
  request.path = "/user";
  request.token = secret(std::move(token));
  const auto answer = co_await client_.ask(std::move(request));
  mine->said = judge(answer);
  // Neither success nor refusal: ask again at the next request, but not once for each that waits.
  auto good_for = std::chrono::duration_cast<clock::duration>(std::chrono::milliseconds(200));
  if (mine->said.who) good_for = config_.cache;
  if (mine->said.status == 401 || mine->said.status == 403) {
    good_for = std::min<clock::duration>(refusals_good_for, config_.cache);
  }
  mine->good_until = clock::now() + good_for;
  co_return mine->said;
}

verdict hub::judge(const hub_answer& answer) const {
  if (answer.status == 0) {
    spdlog::warn("event=hub_unreachable error=\"{}\"", answer.problem);
    if (answer.late) {
      return verdict::refused(504, "JupyterHub has not answered in time. Try again later.");
    }
    return verdict::refused(503, "JupyterHub cannot be reached. Try again later.");
  }
  if (answer.status == 200) return judge_user(answer.body);
  if (answer.status == 401 || answer.status == 403) {
    return verdict::refused(401, "JupyterHub does not know this token, or it has expired.");
  }
  spdlog::warn("event=hub_failed status={}", answer.status);
  return verdict::refused(
      502, fmt::format("JupyterHub has failed with status {}. Try again later.", answer.status));
}

verdict hub::judge_user(const std::string& body) const {
  const auto user = json::parse_object(body, "the Hub's answer");
  const auto name = user ? json::string_at(*user, "name") : std::nullopt;
  if (!name || !is_owner_name(*name)) {
    return verdict::refused(502, "JupyterHub has answered with what is no user.");
  }
  const auto* const held = json::find(*user, "scopes");
  const auto scopes = held != nullptr ? words_of(*held) : std::vector<std::string>{};
  const bool may = std::any_of(access_scopes_.begin(), access_scopes_.end(), [&](const auto& a) {
    return std::any_of(scopes.begin(), scopes.end(),
                       [&](const auto& each) { return scope_covers(each, a); });
  });
  if (!may) {
    return verdict::refused(
        403, fmt::format("{} has none of the scopes that this server asks for: "
                         "have the Hub's administrator grant {}.",
                         *name, access_scopes_.empty() ? "access to it" : access_scopes_.back()));
  }
  const bool service = json::string_at(*user, "kind").value_or("user") == "service";
  // One server of one user: whoever may enter is at home.
  identity who(!config_.user.empty() ? config_.user
               : service             ? "service:" + std::string(*name)
                                     : std::string(*name));
  who.of_hub = true;
  who.credentials = fmt::format("JupyterHub's {} {}", service ? "service" : "user", *name);
  const auto* const admin = json::find(*user, "admin");
  const bool is_admin = admin != nullptr && admin->IsBool() && admin->GetBool();
  if (config_.user.empty() && !service &&
      (is_admin || contains(config_.admins, std::string(*name)))) {
    who.scopes = who.scopes | scope::admin;
  }
  if (service && contains(config_.fronts, std::string(*name)))
    who.scopes = who.scopes | scope::act_for;
  verdict out;
  out.status = 200;
  out.who = std::move(who);
  return out;
}

void hub::make_room() {
  if (cache_.size() < most_known) return;
  const auto now = clock::now();
  std::erase_if(cache_, [&](const auto& each) {
    return !each.second->pending && each.second->good_until < now;
  });
  if (cache_.size() < most_known) return;
  std::erase_if(cache_, [](const auto& each) { return !each.second->pending; });
}

}  // namespace kmux::daemon
