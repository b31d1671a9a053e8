#pragma once
// Signatures of the wire protocol: HMAC-SHA256 over the four JSON frames as they are, in lower-case
// hex.

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "protocol/error.hpp"
#include "protocol/message.hpp"

namespace kmux {

/// Signs and verifies with one key; the MAC context is made once and reused.
/// An empty key means an unsigned connection: signatures are empty, and only an empty one verifies.
/// One thread at a time.
class signer {
public:
  using signature = std::array<char, 64>;

  explicit signer(std::string_view key);
  ~signer();
  signer(signer&&) noexcept;
  signer& operator=(signer&&) noexcept;

  bool enabled() const noexcept;  ///< false where the key is empty

  /// The signature frame's bytes: 64 characters in `out`, or nothing where the key is empty.
  std::string_view sign(const message_view&, signature& out);

  /// Compares in constant time. Looks at no JSON.
  bool verify(const message_view&, std::string_view signature);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Refuses a signature that was seen before. Remembers at least the last `capacity` ones (two
/// generations, so that forgetting is O(1)); memory grows with use, up to about 32 bytes each.
class replay_guard {
public:
  explicit replay_guard(std::size_t capacity = 65536);
  ~replay_guard();
  replay_guard(replay_guard&&) noexcept;
  replay_guard& operator=(replay_guard&&) noexcept;

  /// False if `signature` (already verified) came before. An empty one (unsigned) is always
  /// admitted.
  bool admit(std::string_view signature);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace kmux
