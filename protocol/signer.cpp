#include "protocol/signer.hpp"

#include <cstdint>
#include <stdexcept>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace kmux {

namespace {

constexpr std::size_t digest_size = 32;

struct mac_context {
  EVP_MAC_CTX* context = nullptr;

  explicit mac_context(std::string_view key) {
    // No configuration file and no error texts: they cost every process memory that nobody uses.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, nullptr);
    EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    context = mac != nullptr ? EVP_MAC_CTX_new(mac) : nullptr;
    EVP_MAC_free(mac);
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                                 OSSL_PARAM_construct_end()};
    if (context == nullptr ||
        EVP_MAC_init(context, reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                     params) != 1) {
      EVP_MAC_CTX_free(context);
      throw std::runtime_error("HMAC-SHA256 is not available");
    }
  }
  ~mac_context() { EVP_MAC_CTX_free(context); }
  mac_context(const mac_context&) = delete;
  mac_context& operator=(const mac_context&) = delete;
};

}  // namespace

struct signer::impl {
  explicit impl(std::string_view key) : mac(key) {}

  void digest(const message_view& m, signature& out) {
    std::array<unsigned char, digest_size> raw{};
    std::size_t size = 0;
    // A null key starts over with the one that was set.
    bool ok = EVP_MAC_init(mac.context, nullptr, 0, nullptr) == 1;
    for (const auto part : {m.header, m.parent_header, m.metadata, m.content}) {
      ok = ok && EVP_MAC_update(mac.context, reinterpret_cast<const unsigned char*>(part.data()),
                                part.size()) == 1;
    }
    ok = ok && EVP_MAC_final(mac.context, raw.data(), &size, raw.size()) == 1;
    if (!ok) throw std::runtime_error("HMAC-SHA256 failed");
    static constexpr char digits[] = "0123456789abcdef";
    for (std::size_t i = 0; i < raw.size(); ++i) {
      out[2 * i] = digits[raw[i] >> 4];
      out[2 * i + 1] = digits[raw[i] & 15];
    }
  }

  mac_context mac;
};

signer::signer(std::string_view key) {
  if (!key.empty()) impl_ = std::make_unique<impl>(key);
}
signer::~signer() = default;
signer::signer(signer&&) noexcept = default;
signer& signer::operator=(signer&&) noexcept = default;

bool signer::enabled() const noexcept {
  return impl_ != nullptr;
}

std::string_view signer::sign(const message_view& message, signature& out) {
  if (!impl_) return {};
  impl_->digest(message, out);
  return {out.data(), out.size()};
}

bool signer::verify(const message_view& message, std::string_view given) {
  if (!impl_) return given.empty();
  signature expected;
  if (given.size() != expected.size()) return false;
  impl_->digest(message, expected);
  return CRYPTO_memcmp(expected.data(), given.data(), expected.size()) == 0;
}

/// Open addressing over 64-bit prefixes of digests, which are as good as random. 0 marks a free
/// place.
struct replay_guard::impl {
  explicit impl(std::size_t capacity) : generation(capacity) {}

  using table = std::vector<std::uint64_t>;

  static bool contains(const table& t, std::uint64_t value) {
    if (t.empty()) return false;
    const std::size_t mask = t.size() - 1;
    for (std::size_t i = value & mask; t[i] != 0; i = (i + 1) & mask) {
      if (t[i] == value) return true;
    }
    return false;
  }
  static void place(table& t, std::uint64_t value) {
    const std::size_t mask = t.size() - 1;
    std::size_t i = value & mask;
    while (t[i] != 0)
      i = (i + 1) & mask;
    t[i] = value;
  }
  void insert(std::uint64_t value) {
    if (count == generation) {
      previous = std::move(current);
      current.clear();
      count = 0;
    }
    if (2 * (count + 1) > current.size()) {
      table larger(current.empty() ? 16 : current.size() * 2);
      for (const auto old : current) {
        if (old != 0) place(larger, old);
      }
      current = std::move(larger);
    }
    place(current, value);
    ++count;
  }

  std::size_t generation;  ///< entries in `current` before it becomes `previous`
  std::size_t count = 0;
  table current, previous;
};

replay_guard::replay_guard(std::size_t capacity) : impl_(std::make_unique<impl>(capacity)) {
}
replay_guard::~replay_guard() = default;
replay_guard::replay_guard(replay_guard&&) noexcept = default;
replay_guard& replay_guard::operator=(replay_guard&&) noexcept = default;

bool replay_guard::admit(std::string_view signature) {
  if (signature.empty()) return true;
  std::uint64_t value = 0;
  for (const char c : signature.substr(0, 16)) {
    value = (value << 4) | static_cast<std::uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  if (value == 0) value = 1;
  if (impl::contains(impl_->current, value) || impl::contains(impl_->previous, value)) return false;
  impl_->insert(value);
  return true;
}

}  // namespace kmux
