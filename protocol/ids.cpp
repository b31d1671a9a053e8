#include "protocol/ids.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <sys/random.h>

namespace kmux {

namespace {

void fill_random(unsigned char* out, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::getrandom(out + done, size - done, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::runtime_error("the system has no randomness");
    done += static_cast<std::size_t>(n);
  }
}

void append_hex(std::string& out, unsigned char byte) {
  static constexpr char digits[] = "0123456789abcdef";
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

constexpr bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

std::string make_uuid() {
  std::array<unsigned char, 16> bytes{};
  fill_random(bytes.data(), bytes.size());
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // version 4, RFC 9562
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    append_hex(out, bytes[i]);
  }
  return out;
}

bool is_valid_id(std::string_view id) noexcept {
  if (id.empty() || id.size() > 64 || id.back() == '-') return false;
  int dashes = 0;
  bool in_group = false;
  for (const char c : id) {
    if (c == '-') {
      if (!in_group) return false;
      ++dashes;
      in_group = false;
    } else if (is_word(c)) {
      in_group = true;
    } else {
      return false;
    }
  }
  return dashes == 4;
}

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  fill_random(reinterpret_cast<unsigned char*>(raw.data()), bytes);
  std::string out;
  out.reserve(2 * bytes);
  for (const char c : raw)
    append_hex(out, static_cast<unsigned char>(c));
  return out;
}

}  // namespace kmux
