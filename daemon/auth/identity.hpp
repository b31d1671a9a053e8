#pragma once
// Who asks, and what they may do.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kmux::daemon {

/// What a route is about, and so what its caller must be allowed to.
enum class access : std::uint8_t {
  open,   ///< nothing that needs credentials
  look,   ///< that something is there, and how it fares
  read,   ///< what kernels say
  use,    ///< starting, using and ending kernels
  admin,  ///< the daemon itself
};

/// What credentials are good for.
enum class scope : std::uint8_t {
  observe = 1,  ///< look at everybody's kernels, but read nothing that they say
  read = 2,     ///< look at one's own, and read what they say
  use = 4,      ///< the same, and do with them what one likes
  act_for = 8,  ///< the same in the name of any owner: a trusted front
  admin = 16,   ///< everything, the daemon itself too
};

/// Loop thread; a value.
class scope_set {
public:
  constexpr scope_set() = default;
  constexpr scope_set(scope one) : bits_(static_cast<std::uint8_t>(one)) {}  // NOLINT: on purpose

  constexpr scope_set operator|(scope_set other) const { return scope_set(bits_ | other.bits_); }
  constexpr bool has(scope one) const { return (bits_ & static_cast<std::uint8_t>(one)) != 0; }
  constexpr bool operator==(const scope_set&) const = default;

  bool permits(access) const;
  /// Whether everything that `other` permits is permitted here.
  bool covers(scope_set other) const;

private:
  constexpr explicit scope_set(int bits) : bits_(static_cast<std::uint8_t>(bits)) {}
  std::uint8_t bits_ = 0;
};

/// "use", "observe,read"; nullopt for an unknown word or none at all.
std::optional<scope_set> parse_scopes(std::string_view);
std::string to_string(scope_set);

/// SHA-256 of a token.
using token_digest = std::array<unsigned char, 32>;

/// The result of authentication.
struct identity {
  identity() = default;
  identity(std::string name, scope_set s = scope::use) : owner(std::move(name)), scopes(s) {}

  std::string owner;  ///< whom kernels belong to that are started with these credentials
  scope_set scopes;
  std::string credentials;  ///< how they came in, for people: "token laptop", "unix socket"
  std::optional<std::chrono::system_clock::time_point> expires;
  std::optional<token_digest> token;  ///< one of this server's
  bool of_hub = false;                ///< an account of the Hub's
  access doing = access::use;         ///< what the request is about; set once its route is known

  bool expired(std::chrono::system_clock::time_point now) const {
    return expires && now >= *expires;
  }
  bool admin() const { return scopes.has(scope::admin); }
  /// Not what administrators do by the way: their clients name users without meaning it.
  bool may_act_for_others() const { return scopes.has(scope::act_for); }
  bool may(access what) const { return scopes.permits(what); }
  /// Whether what belongs to anybody is.
  bool may_see_all() const {
    return admin() || may_act_for_others() || (doing == access::look && scopes.has(scope::observe));
  }
  /// Whether what belongs to `whom` is there for this request.
  bool may_see(const std::string& whom) const;
};

/// A name that can own something: 1 to 255 bytes of UTF-8, without spaces or control characters,
/// as they stand in files and logs.
bool is_owner_name(std::string_view);

}  // namespace kmux::daemon
