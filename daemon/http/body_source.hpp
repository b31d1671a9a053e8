#pragma once
// A response's body that is made while it is sent.

#include <string>

#include <boost/asio/awaitable.hpp>

namespace kmux::daemon {

/// Owned by the response. The next piece is asked for when the client has taken most of those
/// before, so that a slow client costs little.
class body_source {
public:
  virtual ~body_source() = default;
  /// An empty piece is the end.
  virtual boost::asio::awaitable<std::string> next() = 0;
};

}  // namespace kmux::daemon
