#pragma once
// Telling the Hub that a single-user server is in use, so that it is not culled.

#include <chrono>
#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/hub/hub.hpp"

namespace kmux::daemon {

/// Reports the time of the last activity every hub.activity_interval, give or take a tenth, where
/// it has changed; again after 1, 2, 4… seconds, for a minute at most, where the Hub does not take
/// it. Runs until it is cancelled.
boost::asio::awaitable<void> report_activity(
    boost::asio::io_context& io, const hub& h,
    std::function<std::chrono::system_clock::time_point()> last_activity);

}  // namespace kmux::daemon
