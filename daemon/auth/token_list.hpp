#pragma once
// Named tokens, as a file has them: a line each, and of the token only its digest.
//
//   NAME OWNER sha256:HEX SCOPE[,SCOPE…] EXPIRES CREATED     # "never", or 2026-12-31T23:59:59Z

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/auth/identity.hpp"
#include "protocol/error.hpp"

namespace kmux::daemon {

/// Tokens that kmuxd makes have 192 random bits: nothing slower is needed.
token_digest digest_of(std::string_view token);
bool same_digest(const token_digest&, const token_digest&) noexcept;  ///< in constant time

struct named_token {
  using time = std::chrono::sys_seconds;

  std::string name, owner;
  token_digest hash{};
  scope_set scopes = scope::use;
  std::optional<time> expires;
  std::optional<time> created;

  bool expired(std::chrono::system_clock::time_point now) const {
    return expires && now >= *expires;
  }
  identity bearer() const;
};

/// A value. Comments and empty lines stay where they are when it is changed and written.
class token_list {
public:
  /// errc::bad_field: "LINE: what is wrong". Neither tokens nor digests are in it.
  static result<token_list> parse(std::string_view);
  std::string text() const;

  /// All are compared, so that the time an answer takes tells nothing of which nearly matched.
  const named_token* find(const token_digest&) const;
  const named_token* find(std::string_view name, std::string_view owner) const;
  std::vector<named_token> all() const;

  void add(named_token);
  /// False where there is none.
  bool remove(std::string_view name, std::string_view owner);

private:
  struct line {
    std::string text;  ///< what a person wrote, where it is no token
    std::optional<named_token> token;
  };
  std::vector<line> lines_;
};

/// 2026-12-31T23:59:59Z, and back.
std::string show_time(named_token::time);
std::optional<named_token::time> parse_time(std::string_view);

}  // namespace kmux::daemon
