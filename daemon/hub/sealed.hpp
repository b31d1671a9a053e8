#pragma once
// What only this server can have written, and nobody else reads: the values of its cookies.

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace kmux::daemon {

/// AES-256-GCM with a key made of a secret (HKDF, RFC 5869). A value opens only with the same
/// secret and for the same purpose.
class sealer {
public:
  explicit sealer(std::string_view secret);

  /// As characters that a cookie may have (base64url without padding).
  std::string seal(std::string_view text, std::string_view purpose) const;
  std::optional<std::string> open(std::string_view sealed, std::string_view purpose) const;
  /// A keyed digest of `text`, in hex.
  std::string mark(std::string_view text, std::string_view purpose) const;

private:
  std::array<unsigned char, 32> key_{};
};

std::string base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);
/// SHA-256, 32 bytes.
std::string sha256(std::string_view text);

}  // namespace kmux::daemon
