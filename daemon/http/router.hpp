#pragma once
// Which handler answers which address.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "daemon/http/message.hpp"

namespace kmux::daemon {

/// Patterns are paths in which {name} stands for one segment, and a last {name...} for the rest.
/// The request's `parameters` hold what matched. Filled once at start-up, then only read.
class router {
public:
  using handler = std::function<boost::asio::awaitable<http_response>(http_request&)>;
  using simple_handler = std::function<http_response(http_request&)>;

  struct route {
    std::string method;  ///< "GET" also serves HEAD
    std::string pattern;
    handler handle;
    access needs = access::use;  ///< "GET" needs access::look, unless said otherwise
    bool everywhere = false;     ///< answers outside of the base URL as well
  };

  /// The route, to say what it needs; valid until the next one is added.
  route& add(std::string method, std::string pattern, handler);
  route& add_simple(std::string method, std::string pattern, simple_handler);
  void add_open(std::string method, std::string pattern, simple_handler);
  /// Open, and the same whatever the base URL is.
  void add_everywhere(std::string method, std::string pattern, handler);

  /// Whether such an address is known outside of the base URL.
  bool is_everywhere(std::string_view path) const;
  /// The route, with `request.parameters` set; nullptr with `refusal` set (404, or 405 with Allow).
  const route* find(http_request& request, http_response& refusal) const;

  const std::vector<route>& routes() const noexcept { return routes_; }

private:
  std::vector<route> routes_;
};

}  // namespace kmux::daemon
