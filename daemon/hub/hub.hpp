#pragma once
// Who the Hub says somebody is.
// https://jupyterhub.readthedocs.io/en/stable/reference/services.html#hub-authentication

#include <chrono>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "config/config.hpp"
#include "daemon/async/event.hpp"
#include "daemon/auth/verdict.hpp"
#include "daemon/hub/hub_client.hpp"

namespace kmux::daemon {

/// The Hub's word is kept for hub.cache, also where it is no (then for ten seconds at most), and
/// never for longer than the token lives. However many requests carry a token at a time, the Hub is
/// asked once. Loop thread only.
class hub {
public:
  hub(boost::asio::io_context& io, const config::hub_config& c);

  /// `session` is the cookie jupyterhub-session-id, which changes when somebody logs out.
  /// 401: unknown to the Hub. 403: known, but without the scope that the Hub wants for this server.
  /// 502, 503, 504: the Hub fails, is not there, is late.
  boost::asio::awaitable<verdict> who_is(std::string token, std::string session);

  const hub_client& client() const noexcept { return client_; }
  const config::hub_config& settings() const noexcept { return config_; }
  /// How often the Hub was asked about a token.
  std::size_t asked() const noexcept { return asked_; }

private:
  using clock = std::chrono::steady_clock;
  struct entry {
    explicit entry(boost::asio::io_context& io) : known(io) {}
    event known;
    bool pending = true;
    verdict said;
    clock::time_point good_until;
  };
  verdict judge(const hub_answer&) const;
  verdict judge_user(const std::string& body) const;
  void make_room();

  boost::asio::io_context& io_;
  const config::hub_config& config_;
  std::vector<std::string> access_scopes_;
  hub_client client_;
  std::unordered_map<std::string, std::shared_ptr<entry>> cache_;
  std::size_t asked_ = 0;
};

/// Whether a scope that somebody holds is the one wanted, or covers it: "access:services" covers
/// "access:services!service=x". Pure.
bool scope_covers(std::string_view held, std::string_view wanted);

}  // namespace kmux::daemon
