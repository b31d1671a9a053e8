#pragma once
// The door: who comes in, by which credentials, and what is written down about it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "daemon/auth/audit_log.hpp"
#include "daemon/auth/authenticator.hpp"
#include "daemon/auth/failed_attempts.hpp"
#include "daemon/auth/user_names.hpp"
#include "daemon/auth/verdict.hpp"
#include "daemon/events/event_stream.hpp"
#include "daemon/hub/oauth.hpp"
#include "daemon/metrics/counters.hpp"

namespace kmux::daemon {

/// Credentials are looked at in this order, and the first that is there decides: a token, a client
/// certificate, the peer of a Unix socket, a cookie of the Hub's login. Owned by the app; loop
/// thread only.
class access_control {
public:
  struct settings {
    std::string allow_origin;
    std::vector<std::string> hosts, proxies;
    std::string user_header;           ///< empty: no front names users
    std::optional<gid_t> admin_group;  ///< of Unix peers
    bool certificates = false;         ///< clients are known by theirs
    bool audit_all = false;
  };

  access_control(boost::asio::io_context& io, blocking& names, event_stream& events,
                 counters& counted)
      : io_(io), names_(names), events_(events), counted_(counted) {}
  void set(authenticator tokens) { tokens_ = std::move(tokens); }
  void set_named(token_list named) { tokens_.set_named(std::move(named)); }
  /// After a change of tokens: whether who came in before would still come in.
  bool still_good(const identity& who) const { return tokens_.still_good(who); }
  void set(settings s) { settings_ = std::move(s); }
  void set(audit_log log) { audit_ = std::move(log); }
  void set_hub(hub* h, oauth* browsers) {
    hub_ = h;
    oauth_ = browsers;
  }

  /// Nothing where the request may go on, with `who` set as far as `needs` demands it; else the
  /// answer. What was refused for its credentials is answered later each time.
  boost::asio::awaitable<std::optional<http_response>> admit(http_request&, access needs);
  /// Writes down what became of a request that was let in.
  void done(const http_request&, int status);

private:
  boost::asio::awaitable<verdict> identify(http_request&);
  boost::asio::awaitable<verdict> by_token(http_request&, const std::string& token);
  boost::asio::awaitable<verdict> by_unix_peer(uid_t, const std::vector<gid_t>& groups);
  boost::asio::awaitable<verdict> by_cookie(const http_request&, const std::string& token);
  boost::asio::awaitable<void> slow_down(const std::string& address);
  /// Who a trusted front speaks for.
  verdict for_user(verdict, const http_request&) const;
  http_response refuse(const http_request&, const verdict&);
  void tell_refusal(const http_request&, const verdict&);
  void count(const http_request&, int status);

  boost::asio::io_context& io_;
  user_names names_;
  event_stream& events_;
  counters& counted_;
  authenticator tokens_;
  settings settings_;
  audit_log audit_;
  failed_attempts attempts_;
  hub* hub_ = nullptr;
  oauth* oauth_ = nullptr;
};

}  // namespace kmux::daemon
