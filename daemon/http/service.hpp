#pragma once
// From a request to its route: address, credentials, handler, and what every answer carries.

#include <string>

#include "daemon/auth/access_control.hpp"
#include "daemon/http/connection.hpp"
#include "daemon/http/router.hpp"

namespace kmux::daemon {

/// Nothing but the open routes answers without credentials, not even "not found".
class service {
public:
  struct settings {
    std::string base_url = "/";  ///< begins and ends with '/'
    std::string allow_origin;    ///< CORS: "*", one origin, or empty for none
  };

  service(const router& routes, access_control& door, counters& counted, settings s)
      : routes_(routes), door_(door), counted_(counted), settings_(std::move(s)) {}

  boost::asio::awaitable<http_response> respond(http_request&);

private:
  /// False with a refusal where the target makes no sense.
  bool resolve(http_request&, http_response& refusal) const;
  boost::asio::awaitable<http_response> handle(http_request&);
  void add_origin(http_response&) const;

  const router& routes_;
  access_control& door_;
  counters& counted_;
  settings settings_;
};

}  // namespace kmux::daemon
