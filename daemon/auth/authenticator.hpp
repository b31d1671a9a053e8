#pragma once
// Who may come in: tokens, and the peer credentials of Unix sockets.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/auth/identity.hpp"
#include "daemon/http/message.hpp"
#include "protocol/error.hpp"

namespace kmux::daemon {

/// Tokens are kept as digests and compared in constant time, all of them for every request, so that
/// neither a token nor which of them nearly matched can be learned from the time an answer takes.
class authenticator {
public:
  /// Adds a token. Tokens have at least 8 characters, all visible ASCII.
  result<void> add(std::string_view token, identity who);

  /// A file of one token, whose bearer is an administrator, and named `owner`.
  result<void> add_token_file(const std::string& path, const std::string& owner);
  /// A file with a line for each token: NAME OWNER TOKEN [admin]; '#' begins a comment.
  result<void> add_named_tokens(const std::string& path);

  bool empty() const noexcept { return tokens_.empty(); }

  /// The requester, or nullopt with what to tell them in `problem`. A token is looked at first;
  /// without one, a Unix peer is who the system says: the daemon's own user and root are
  /// administrators.
  std::optional<identity> authenticate(const http_request&, std::string& problem) const;

private:
  using digest = std::array<unsigned char, 32>;
  struct entry {
    digest hash;
    identity who;
  };
  std::vector<entry> tokens_;
};

/// The login name of a user, or "uid:N" where it has none.
std::string user_name(uid_t);

}  // namespace kmux::daemon
