#pragma once
// The policy for request heads: strict before friendly. Whatever two HTTP parsers could read in two
// ways (RFC 9112 sections 2, 3, 5 and 6; request smuggling) is refused.

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/http/message.hpp"

namespace kmux::daemon {

struct head_limits {
  std::size_t max_bytes = 16 << 10;
  std::size_t max_headers = 100;
  std::size_t max_target = 8 << 10;
  std::size_t max_body = 16 << 20;
};

/// A head that was accepted, or the status and message of its refusal (the connection then closes).
struct head_verdict {
  int status = 0;  ///< 0: accepted
  std::string message;

  http_request request;  ///< method, target and headers are set
  std::size_t content_length = 0;
  bool keep_alive = true;
  bool expects_continue = false;
};

/// `head` is everything up to and with the empty line. Demands: CRLF line ends and no other control
/// character but tab; one space between method, target and version; HTTP/1.1 or 1.0; origin-form
/// target and no CONNECT; exactly one Host with HTTP/1.1; at most one Content-Length, digits only;
/// no Transfer-Encoding; no folded header, no space before a colon; header bytes that are UTF-8.
head_verdict judge_head(std::string_view head, const head_limits&);

/// Whether the upgrade headers are a complete WebSocket handshake (RFC 6455 section 4.2.1);
/// `problem` says what is missing where there is an attempt.
bool is_websocket_upgrade(const http_request&, std::string& problem);

}  // namespace kmux::daemon
