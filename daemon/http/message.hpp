#pragma once
// Requests and responses as plain values, free of any library.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "daemon/auth/identity.hpp"

namespace kmux::daemon {

class websocket_handler;
class body_source;

using header_list = std::vector<std::pair<std::string, std::string>>;

/// Where a connection came from.
struct peer_info {
  std::string address;        ///< "127.0.0.1:40312" or "unix"
  std::optional<uid_t> uid;   ///< of the process at the other end, for Unix sockets (SO_PEERCRED)
  std::vector<gid_t> groups;  ///< its groups (SO_PEERGROUPS)
  std::string certificate;    ///< whose it is that was shown and verified, for TLS; else empty
};

struct http_request {
  std::string method;  ///< as sent, e.g. "GET"
  std::string target;  ///< as sent
  std::string path;    ///< percent-decoded, without base_url; begins with '/'
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  header_list headers;
  std::string body;
  peer_info peer;

  std::string traceparent;              ///< checked (W3C); empty: none
  identity who;                         ///< set once authenticated
  std::vector<std::string> parameters;  ///< what the route's {…} matched, in order

  /// The first header of that name (any case), or nullptr.
  const std::string* header(std::string_view name) const noexcept;
  const std::string* argument(std::string_view name) const noexcept;
  /// Whether it asks for another protocol, well-formed or not.
  bool wants_websocket() const noexcept { return header("Upgrade") != nullptr; }
};

struct http_response {
  int status = 200;
  std::string content_type = "application/json";
  header_list headers;
  std::string body;
  /// Instead of `body`, where it is set: sent in chunks (RFC 9112, section 7.1).
  std::shared_ptr<body_source> source;
  bool close = false;  ///< end the connection after this response

  /// Set for 101: who takes the WebSocket, and the subprotocol to confirm ("" for none).
  std::shared_ptr<websocket_handler> websocket;
  std::string subprotocol;
};

/// The error body all our errors have: {"reason": REASON PHRASE, "message": what to do}.
http_response error_response(int status, std::string_view message);
http_response json_response(int status, std::string body);
std::string_view reason_phrase(int status) noexcept;

/// The response as bytes; `head_only` for answers to HEAD. Adds Content-Length, Connection and the
/// security headers that every answer carries.
std::string serialize(const http_response&, bool head_only, bool keep_alive);

}  // namespace kmux::daemon
