#pragma once
// Which tokens are good, and whose they are.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/auth/token_list.hpp"
#include "daemon/http/message.hpp"
#include "protocol/error.hpp"

namespace kmux::daemon {

/// The token that a request carries: the header's, else that of its address.
std::optional<std::string> presented_token(const http_request&);

/// Tokens are kept as digests and compared in constant time, all of them for every request, so that
/// neither a token nor which of them nearly matched can be learned from the time an answer takes.
class authenticator {
public:
  /// Adds a token. Tokens have at least 8 characters, all visible ASCII.
  result<void> add(std::string_view token, identity who);
  /// A file of one token, whose bearer is an administrator, and named `owner`.
  result<void> add_token_file(const std::string& path, const std::string& owner);
  void set_named(token_list named) { named_ = std::move(named); }

  bool empty() const noexcept { return tokens_.empty() && named_.all().empty(); }

  /// The bearer, or nullopt with what to tell them in `problem`.
  std::optional<identity> find(std::string_view token, std::chrono::system_clock::time_point now,
                               std::string& problem) const;

  /// Whether what they came in with would let them in again. True for what is no token of ours.
  bool still_good(const identity&) const;

private:
  struct entry {
    token_digest hash;
    identity who;
  };
  std::vector<entry> tokens_;
  token_list named_;
};

/// The list in a file, which may be absent; errors name the file, and the line.
result<token_list> read_token_list(const std::string& path);

}  // namespace kmux::daemon
