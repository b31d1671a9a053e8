#include "daemon/events/event_stream.hpp"

#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t window = 60'000'000;  ///< microseconds
constexpr int most_in_window = 10;

std::int64_t microseconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

spdlog::level::level_enum level_of(severity how) {
  switch (how) {
    case severity::warning:
      return spdlog::level::warn;
    case severity::error:
      return spdlog::level::err;
    default:
      return spdlog::level::info;
  }
}

}  // namespace

event_stream::event_stream(asio::io_context& io, std::string file, std::size_t most_bytes)
    : log_(std::move(file), most_bytes), more_(io) {
  log_.open();
  if (log_.damaged() > 0) {
    say("events_damaged", {{"lines", log_.damaged()}, event_member::text("file", log_.file())},
        severity::warning);
  }
  tell_of_trouble();
}

void event_stream::say(std::string_view name, const event_members& members, severity how) {
  spdlog::log(level_of(how), "{}", event_text(name, members));
  log_.add(microseconds_now(), name, members);
  more_.notify();
  tell_of_trouble();
}

void event_stream::tell_of_trouble() {
  const bool now = !log_.trouble().empty();
  if (std::exchange(troubled_, now) == now) return;
  if (now) {
    say("events_not_written", {event_member::text("error", log_.trouble())}, severity::error);
  } else {
    say("events_written_again", {}, severity::warning);
  }
}

void event_stream::say_seldom(std::string_view name, event_members members, severity how) {
  auto& left = seldom_[std::string(name)];
  const auto now = microseconds_now();
  if (now - left.since >= window || now < left.since) {
    left.since = now;
    left.told = 0;
  }
  if (left.told >= most_in_window) {
    ++left.untold;
    return;
  }
  ++left.told;
  if (const auto untold = std::exchange(left.untold, 0); untold > 0) {
    members.emplace_back("untold", untold);
  }
  say(name, members, how);
}

asio::awaitable<void> event_stream::wait(std::uint64_t after,
                                         std::chrono::steady_clock::duration most) {
  if (log_.last() > after || ended_) co_return;
  co_await more_.wait(most);
}

void event_stream::end() {
  ended_ = true;
  more_.notify();
}

}  // namespace kmux::daemon
