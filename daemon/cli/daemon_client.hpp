#pragma once
// Asks a kmuxd over HTTP: by its admin.sock, where the system says who asks, or by a URL with a
// token.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/cli/connection.hpp"

namespace kmux::cli {

struct answer {
  int status = 0;
  std::string body;

  bool ok() const noexcept { return status >= 200 && status < 300; }
  /// What an error's JSON says to people; the status where it says nothing.
  std::string message() const;
};

/// A connection for each request. Blocks.
class daemon_client {
public:
  explicit daemon_client(daemon_address where) : where_(std::move(where)) {}

  /// `path` is below the base URL: "api/kernels". A body is sent where it is not empty, as JSON.
  outcome<answer> ask(std::string_view method, const std::string& path,
                      const std::string& body = {},
                      std::chrono::seconds most = std::chrono::seconds(60)) const;

  /// GET of what may not end: each piece goes to `take` as it comes, until that returns false. An
  /// answer that is no 2xx comes back with its body; `idle`: so long may nothing come.
  outcome<answer> stream(const std::string& path, const std::function<bool(std::string_view)>& take,
                         std::chrono::seconds idle) const;
  const daemon_address& where() const noexcept { return where_; }
  /// The head of a request, up to and with its Authorization.
  std::string head(std::string_view method, const std::string& path) const;

private:
  daemon_address where_;
};

}  // namespace kmux::cli
