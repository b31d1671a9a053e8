#include "daemon/hub/activity.hpp"

#include <random>

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/clock.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
using std::chrono::system_clock;

namespace {

constexpr auto first_pause = std::chrono::seconds(1), longest_pause = std::chrono::seconds(15);
constexpr auto patience = std::chrono::seconds(60);

/// Servers that were started together must not all report together.
std::chrono::milliseconds jittered(std::chrono::milliseconds interval) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto tenth = interval.count() / 10;
  return interval +
         std::chrono::milliseconds(std::uniform_int_distribution<long long>(-tenth, tenth)(random));
}

/// False where waiting was cut short.
asio::awaitable<bool> pause(asio::steady_timer& timer, std::chrono::milliseconds time) {
  timer.expires_after(time);
  const auto [ec] = co_await timer.async_wait(as_result);
  co_return !ec;
}

asio::awaitable<bool> report(asio::steady_timer& timer, const hub& h, system_clock::time_point t) {
  const auto& config = h.settings();
  const auto time = iso_time(t);
  hub_request request;
  request.method = "POST";
  request.path = config.activity_url;
  request.token = config.api_token;
  request.content_type = "application/json";
  request.body =
      fmt::format(R"({{"servers": {{{0}: {{"last_activity": "{1}"}}}}, "last_activity": "{1}"}})",
                  json_quote(config.server_name), time);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (auto wait = first_pause;; wait = std::min(2 * wait, longest_pause)) {
    const auto answer = co_await h.client().ask(request);
    if (answer.status >= 200 && answer.status < 300) co_return true;
    const bool ours = answer.status >= 400 && answer.status < 500;  // asking again helps nothing
    if (ours || std::chrono::steady_clock::now() + wait > give_up) {
      spdlog::warn("event=activity_not_reported status={} error=\"{}\"", answer.status,
                   answer.problem);
      co_return false;
    }
    if (!co_await pause(timer, wait)) co_return false;
  }
}

}  // namespace

asio::awaitable<void> report_activity(asio::io_context& io, const hub& h,
                                      std::function<system_clock::time_point()> last_activity) {
  asio::steady_timer timer(io);
  system_clock::time_point reported;
  for (;;) {
    const auto last = last_activity();
    if (last != reported && co_await report(timer, h, last)) reported = last;
    if (!co_await pause(timer, jittered(h.settings().activity_interval))) co_return;
  }
}

}  // namespace kmux::daemon
