#include "daemon/hub/sealed.hpp"

#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "daemon/auth/token_list.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t nonce_size = 12, tag_size = 16;
constexpr std::string_view label = "kmuxd cookies";
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void demand(bool good) {
  if (!good) throw std::runtime_error("OpenSSL cannot do what cookies need");
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

int length(std::string_view text) {
  return static_cast<int>(text.size());
}

struct freed {
  void operator()(EVP_CIPHER_CTX* each) const { EVP_CIPHER_CTX_free(each); }
  void operator()(EVP_PKEY_CTX* each) const { EVP_PKEY_CTX_free(each); }
};
using cipher = std::unique_ptr<EVP_CIPHER_CTX, freed>;

}  // namespace

sealer::sealer(std::string_view secret) {
  const std::unique_ptr<EVP_PKEY_CTX, freed> derive(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  std::size_t size = key_.size();
  demand(derive && EVP_PKEY_derive_init(derive.get()) > 0 &&
         EVP_PKEY_CTX_set_hkdf_md(derive.get(), EVP_sha256()) > 0 &&
         EVP_PKEY_CTX_set1_hkdf_key(derive.get(), bytes(secret), length(secret)) > 0 &&
         EVP_PKEY_CTX_add1_hkdf_info(derive.get(), bytes(label), length(label)) > 0 &&
         EVP_PKEY_derive(derive.get(), key_.data(), &size) > 0);
}

std::string sealer::seal(std::string_view text, std::string_view purpose) const {
  std::string nonce(nonce_size, '\0'), tag(tag_size, '\0'), out(text.size(), '\0');
  const cipher c(EVP_CIPHER_CTX_new());
  int n = 0;
  demand(RAND_bytes(bytes(nonce), nonce_size) == 1 && c &&
         EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key_.data(), bytes(nonce)) == 1 &&
         EVP_EncryptUpdate(c.get(), nullptr, &n, bytes(purpose), length(purpose)) == 1 &&
         EVP_EncryptUpdate(c.get(), bytes(out), &n, bytes(text), length(text)) == 1 &&
         EVP_EncryptFinal_ex(c.get(), nullptr, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, tag_size, tag.data()) == 1);
  return base64url(nonce + out + tag);
}

std::optional<std::string> sealer::open(std::string_view sealed, std::string_view purpose) const {
  auto raw = from_base64url(sealed);
  if (!raw || raw->size() < nonce_size + tag_size) return std::nullopt;
  const std::string_view all = *raw;
  const auto nonce = all.substr(0, nonce_size);
  const auto text = all.substr(nonce_size, all.size() - nonce_size - tag_size);
  std::string tag(all.substr(all.size() - tag_size)), out(text.size(), '\0');
  const cipher c(EVP_CIPHER_CTX_new());
  int n = 0;
  demand(c &&
         EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key_.data(), bytes(nonce)) == 1);
  const bool good = EVP_DecryptUpdate(c.get(), nullptr, &n, bytes(purpose), length(purpose)) == 1 &&
                    EVP_DecryptUpdate(c.get(), bytes(out), &n, bytes(text), length(text)) == 1 &&
                    EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1 &&
                    EVP_DecryptFinal_ex(c.get(), nullptr, &n) == 1;
  return good ? std::optional(out) : std::nullopt;
}

std::string sealer::mark(std::string_view text, std::string_view purpose) const {
  const std::string input = std::string(purpose) + '\0' + std::string(text);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  demand(HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), bytes(input), input.size(),
              out.data(), &size) != nullptr);
  std::string hex;
  for (unsigned i = 0; i < 16; ++i)
    hex += fmt::format("{:02x}", out[i]);
  return hex;
}

std::string base64url(std::string_view in) {
  std::string out;
  unsigned value = 0;
  int bits = 0;
  for (const char c : in) {
    value = (value << 8 | static_cast<unsigned char>(c)) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6)
      out += alphabet[value >> (bits - 6) & 63];
  }
  if (bits > 0) out += alphabet[value << (6 - bits) & 63];
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  unsigned value = 0;
  int bits = 0;
  for (const char c : text) {
    const auto found = alphabet.find(c);
    if (found == std::string_view::npos) return std::nullopt;
    value = (value << 6 | static_cast<unsigned>(found)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(value >> bits & 0xff);
  }
  return out;
}

std::string sha256(std::string_view text) {
  const auto digest = digest_of(text);
  return {digest.begin(), digest.end()};
}

}  // namespace kmux::daemon
