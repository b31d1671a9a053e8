#pragma once
// The one place where events are said: into the log, and to whoever reads the stream.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/async/event.hpp"
#include "daemon/events/event_log.hpp"

namespace kmux::daemon {

enum class severity : std::uint8_t { info, warning, error };  ///< in the log

/// Owned by the app; outlives whoever says something. Loop thread only.
class event_stream {
public:
  /// Takes up what an earlier daemon has left in `file`.
  event_stream(boost::asio::io_context&, std::string file, std::size_t most_bytes);

  void say(std::string_view name, const event_members&, severity = severity::info);
  /// The same of what strangers can cause as often as they like: of each name 10 in a minute. The
  /// next one says how many there were besides, as "untold".
  void say_seldom(std::string_view name, event_members, severity = severity::info);

  const event_log& log() const noexcept { return log_; }
  void set_most(std::size_t bytes) { log_.set_most(bytes); }

  /// Ends when there is an event with a larger number, when all has been said, or after `most`.
  boost::asio::awaitable<void> wait(std::uint64_t after, std::chrono::steady_clock::duration most);
  /// Whoever follows has everything soon, and ends.
  void end();
  bool ended() const noexcept { return ended_; }

private:
  void tell_of_trouble();

  event_log log_;
  timed_event more_;
  bool ended_ = false;
  bool troubled_ = false;
  struct allowance {
    std::int64_t since = 0;
    int told = 0;
    std::uint64_t untold = 0;
  };
  std::map<std::string, allowance, std::less<>> seldom_;
};

}  // namespace kmux::daemon
