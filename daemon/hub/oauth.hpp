#pragma once
// Browsers come in by the Hub's login: OAuth 2.0's authorization code (RFC 6749, section 4.1) with
// PKCE (RFC 7636).

#include <string>

#include <boost/asio/awaitable.hpp>

#include "daemon/http/message.hpp"
#include "daemon/hub/hub.hpp"
#include "daemon/hub/sealed.hpp"

namespace kmux::daemon {

/// The Hub's token of a browser is in a sealed cookie (CLIENT_ID, HttpOnly, SameSite=Lax, for this
/// server's path). What identifies a login on its way (state, verifier, where to go then) is in
/// another for ten minutes: kmuxd itself remembers nothing, and a restart disturbs nobody.
class oauth {
public:
  explicit oauth(hub& h);

  /// The token in the cookie, or empty.
  std::string token_of(const http_request&) const;
  /// The cookie _xsrf that belongs to the token, for browser_rules' cross_site().
  std::string xsrf_of(const std::string& token) const;

  /// To the Hub's login, and back to what was asked for.
  http_response login(const http_request&) const;
  /// GET {prefix}oauth_callback: checks the state, gets the token, sets the cookie.
  boost::asio::awaitable<http_response> callback(http_request&) const;
  /// GET {prefix}logout: forgets the cookies.
  http_response logout(const http_request&) const;

private:
  std::string set_cookie(const http_request&, const std::string& name, const std::string& value,
                         int seconds, bool for_scripts) const;

  hub& hub_;
  const config::hub_config& config_;
  sealer sealer_;
};

}  // namespace kmux::daemon
