#pragma once
// Asks a kmuxd over HTTP: by its admin.sock, where the system says who asks, or by a URL with a
// token.

#include <chrono>
#include <string>
#include <string_view>

#include "daemon/cli/exit_code.hpp"
#include "protocol/error.hpp"

namespace kmux::cli {

/// Where a kmuxd is.
struct daemon_address {
  std::string socket;  ///< path of its admin.sock; empty: by TCP
  std::string host = "127.0.0.1", port = "80";
  std::string base_url = "/";  ///< begins and ends with '/'
  std::string token;           ///< empty: none
  std::string name;            ///< for people
};

/// "http://HOST[:PORT]/BASE/", nothing else.
result<daemon_address> address_of_url(const std::string& url, std::string token);
/// RUNTIME/admin.sock.
daemon_address address_of_runtime(const std::string& runtime_dir);

struct answer {
  int status = 0;
  std::string body;

  bool ok() const noexcept { return status >= 200 && status < 300; }
  /// What an error's JSON says to people; the status where it says nothing.
  std::string message() const;
};

/// Why there is no answer: what to say, and what to end with.
struct failure {
  exit_code code = exit_code::failed;
  std::string text;
};
[[noreturn]] void throw_exception_from_error(const failure&, const boost::source_location&);

using answer_or_failure = boost::system::result<answer, failure>;

/// A connection for each request. Blocks.
class daemon_client {
public:
  explicit daemon_client(daemon_address where) : where_(std::move(where)) {}

  /// `path` is below the base URL: "api/kernels". A body is sent where it is not empty, as JSON.
  answer_or_failure ask(std::string_view method, const std::string& path,
                        const std::string& body = {},
                        std::chrono::seconds most = std::chrono::seconds(60)) const;
  const daemon_address& where() const noexcept { return where_; }

private:
  daemon_address where_;
};

}  // namespace kmux::cli
