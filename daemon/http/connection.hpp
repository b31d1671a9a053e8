#pragma once
// One HTTP connection: read, judge, answer, and again.

#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>

#include "daemon/http/message.hpp"
#include "daemon/http/peer_stream.hpp"
#include "daemon/http/receive_budget.hpp"
#include "daemon/http/served_list.hpp"
#include "daemon/http/strict.hpp"
#include "daemon/http/websocket.hpp"

namespace kmux::daemon {

struct connection_settings {
  head_limits limits;
  ws_settings websocket;
  std::chrono::milliseconds header_timeout{10'000};  ///< for a whole request head (408)
  std::chrono::milliseconds body_timeout{60'000};
  std::chrono::milliseconds idle_timeout{75'000};      ///< between two requests
  std::size_t max_receiving = std::size_t{256} << 20;  ///< see receive_budget
};

/// Answers one request; must not throw for anything a client sends.
using http_service = std::function<boost::asio::awaitable<http_response>(http_request&)>;

/// Serves until either side ends it. What is given by reference outlives the coroutine;
/// when `stopping` is set, a connection ends with the request that it is in.
boost::asio::awaitable<void> serve_connection(std::shared_ptr<peer_stream> stream, peer_info peer,
                                              connection_settings settings,
                                              const http_service& service, receive_budget& budget,
                                              ws_registry& registry, served_list::entry& place,
                                              const bool& stopping);

}  // namespace kmux::daemon
