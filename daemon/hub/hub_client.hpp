#pragma once
// Requests to the Hub's REST API.

#include <chrono>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "config/config.hpp"
#include "protocol/secret.hpp"

namespace kmux::daemon {

/// What the Hub answered; status 0 where it did not, and `problem` says why.
struct hub_answer {
  int status = 0;
  bool late = false;  ///< it has not answered in time
  std::string problem;
  std::string body;
  std::string version;  ///< X-JupyterHub-Version
};

struct hub_request {
  std::string_view method = "GET";
  std::string path;  ///< below the API's URL, such as "/user"; or a whole URL of the Hub's
  secret token;      ///< for the Authorization header, where not empty
  std::string content_type;
  std::string body;
};

/// A connection for each request. Bounded in time (hub.timeout) and in what it reads.
/// Loop thread only; outlived by nothing that waits for it.
class hub_client {
public:
  hub_client(boost::asio::io_context& io, const config::hub_config& hub) : io_(io), hub_(hub) {}
  boost::asio::awaitable<hub_answer> ask(hub_request) const;

private:
  boost::asio::io_context& io_;
  const config::hub_config& hub_;
};

}  // namespace kmux::daemon
