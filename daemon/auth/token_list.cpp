#include "daemon/auth/token_list.hpp"

#include <algorithm>
#include <ctime>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace kmux::daemon {

namespace {

constexpr std::string_view scheme = "sha256:";
constexpr std::string_view never = "never";
constexpr const char* time_format = "%Y-%m-%dT%H:%M:%SZ";

std::string hex(const token_digest& digest) {
  std::string out;
  for (const unsigned char byte : digest)
    out += fmt::format("{:02x}", byte);
  return out;
}

std::optional<token_digest> parse_digest(std::string_view text) {
  token_digest out{};
  if (!text.starts_with(scheme)) return std::nullopt;
  text.remove_prefix(scheme.size());
  if (text.size() != 2 * out.size()) return std::nullopt;
  const auto value = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = value(text[2 * i]), low = value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i] = static_cast<unsigned char>(16 * high + low);
  }
  return out;
}

/// "never" and an absent word are no time; false where it is neither.
bool read_time(const std::string& word, std::optional<named_token::time>& out) {
  if (word.empty() || word == never) return true;
  out = parse_time(word);
  return out.has_value();
}

std::string parse_token(const std::string& line, named_token& out) {
  std::istringstream words(line);
  std::string digest, scopes, expires, created, more;
  words >> out.name >> out.owner >> digest >> scopes >> expires >> created >> more;
  if (digest.empty() || !more.empty()) {
    return "a line must be: NAME OWNER sha256:HEX [SCOPES [EXPIRES [CREATED]]]";
  }
  if (!is_owner_name(out.name) || !is_owner_name(out.owner)) return "that is no name of a user";
  const auto hash = parse_digest(digest);
  if (!hash) {
    return "tokens are kept as sha256:HEX, 64 digits in lower case: printf %s TOKEN | sha256sum, "
           "or let `kmux token create` make one";
  }
  out.hash = *hash;
  const auto known = scopes.empty() ? std::optional(scope_set(scope::use)) : parse_scopes(scopes);
  if (!known) return "scopes are observe, read, use, act-for and admin, with commas between";
  out.scopes = *known;
  if (!read_time(expires, out.expires) || !read_time(created, out.created)) {
    return "times are written 2026-12-31T23:59:59Z, or never";
  }
  return "";
}

std::string show(const std::optional<named_token::time>& time) {
  return time ? show_time(*time) : std::string(never);
}

}  // namespace

token_digest digest_of(std::string_view token) {
  token_digest out{};
  unsigned size = 0;
  if (EVP_Digest(token.data(), token.size(), out.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return out;
}

bool same_digest(const token_digest& a, const token_digest& b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

identity named_token::bearer() const {
  identity out(owner, scopes);
  out.credentials = "token " + name;
  out.expires = expires;
  return out;
}

result<token_list> token_list::parse(std::string_view text) {
  token_list out;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string written(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!written.empty() && written.back() == '\r') written.pop_back();
    const auto code = written.substr(0, written.find('#'));
    if (code.find_first_not_of(" \t") == std::string::npos) {
      out.lines_.push_back({std::move(written), std::nullopt});
      continue;
    }
    named_token token;
    auto wrong = parse_token(code, token);
    if (wrong.empty() && out.find(token.name, token.owner) != nullptr) {
      wrong = token.owner + " has a token of this name already";
    }
    if (!wrong.empty()) return error{errc::bad_field, fmt::format("{}: {}", number, wrong)};
    out.lines_.push_back({"", std::move(token)});
  }
  return out;
}

std::string token_list::text() const {
  std::string out;
  for (const auto& [text, token] : lines_) {
    out += !token ? text
                  : fmt::format("{} {} {}{} {} {} {}", token->name, token->owner, scheme,
                                hex(token->hash), to_string(token->scopes), show(token->expires),
                                show(token->created));
    out += '\n';
  }
  return out;
}

const named_token* token_list::find(const token_digest& hash) const {
  const named_token* found = nullptr;
  for (const auto& each : lines_) {
    if (each.token && same_digest(each.token->hash, hash)) found = &*each.token;
  }
  return found;
}

const named_token* token_list::find(std::string_view name, std::string_view owner) const {
  const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const line& each) {
    return each.token && each.token->name == name && each.token->owner == owner;
  });
  return found == lines_.end() ? nullptr : &*found->token;
}

std::vector<named_token> token_list::all() const {
  std::vector<named_token> out;
  for (const auto& each : lines_) {
    if (each.token) out.push_back(*each.token);
  }
  return out;
}

void token_list::add(named_token token) {
  lines_.push_back({"", std::move(token)});
}

bool token_list::remove(std::string_view name, std::string_view owner) {
  return std::erase_if(lines_, [&](const line& each) {
           return each.token && each.token->name == name && each.token->owner == owner;
         }) > 0;
}

std::string show_time(named_token::time time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> out{};
  return {out.data(), std::strftime(out.data(), out.size(), time_format, &parts)};
}

std::optional<named_token::time> parse_time(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* const end = ::strptime(copy.c_str(), time_format, &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return named_token::time(std::chrono::seconds(::timegm(&parts)));
}

}  // namespace kmux::daemon
