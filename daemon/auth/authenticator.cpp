#include "daemon/auth/authenticator.hpp"

#include <algorithm>
#include <fstream>
#include <pwd.h>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "daemon/http/text.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t shortest_token = 8;
constexpr std::size_t longest_token = 4096;

std::array<unsigned char, 32> digest_of(std::string_view token) {
  std::array<unsigned char, 32> out{};
  unsigned size = 0;
  if (EVP_Digest(token.data(), token.size(), out.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available");
  }
  return out;
}

/// The token that a request carries, from the header first.
std::optional<std::string> presented_token(const http_request& request) {
  if (const auto* const header = request.header("Authorization")) {
    const auto space = header->find(' ');
    const std::string_view scheme = std::string_view(*header).substr(0, space);
    if (space != std::string::npos && (iequals(scheme, "token") || iequals(scheme, "bearer"))) {
      const auto first = header->find_first_not_of(' ', space);
      if (first != std::string::npos) return header->substr(first);
    }
  }
  if (const auto* const argument = request.argument("token")) return *argument;
  return std::nullopt;
}

result<std::string> read_small_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(1 << 20, '\0');
  if (!file) return error{errc::io, "cannot read " + path};
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A directory opens like a file; and of a list too long, the beginning of a token is no token.
  if (!file.eof()) return error{errc::io, "cannot read " + path + ", or it has a MiB or more"};
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

result<void> authenticator::add(std::string_view token, identity who) {
  const bool visible =
      std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!visible || token.size() < shortest_token || token.size() > longest_token) {
    return error{errc::bad_field, "a token must have 8 to 4096 visible ASCII characters"};
  }
  tokens_.push_back({digest_of(token), std::move(who)});
  return {};
}

result<void> authenticator::add_token_file(const std::string& path, const std::string& owner) {
  auto text = read_small_file(path);
  if (!text) return text.error();
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r'))
    text->pop_back();
  const auto added = add(*text, {owner, true});
  if (!added) return error{added.error().code, path + ": " + added.error().detail};
  return {};
}

result<void> authenticator::add_named_tokens(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text) return text.error();
  std::istringstream lines(*text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name, owner, token, role, more;
    words >> name >> owner >> token >> role >> more;
    if (name.empty()) continue;
    const auto where = fmt::format("{}:{}: ", path, number);
    if (token.empty() || !more.empty() || (!role.empty() && role != "admin")) {
      return error{errc::bad_field, where + "a line must be: NAME OWNER TOKEN [admin]"};
    }
    const auto added = add(token, {owner, role == "admin"});
    if (!added) return error{added.error().code, where + added.error().detail};
  }
  return {};
}

std::optional<identity> authenticator::authenticate(const http_request& request,
                                                    std::string& problem) const {
  const auto token = presented_token(request);
  if (token) {
    const digest given = digest_of(*token);
    const entry* found = nullptr;
    for (const auto& each : tokens_) {
      if (CRYPTO_memcmp(each.hash.data(), given.data(), given.size()) == 0) found = &each;
    }
    if (found != nullptr) return found->who;
    problem = "The token is not one of this server's.";
    return std::nullopt;
  }
  if (request.peer.uid) {
    const uid_t uid = *request.peer.uid;
    if (uid == 0 || uid == ::geteuid()) return identity{user_name(::geteuid()), true};
    return identity{user_name(uid), false};
  }
  problem =
      "A token is missing: send the header \"Authorization: token TOKEN\", or ?token=TOKEN in "
      "the address. kmuxd prints its token when it starts, unless --token-file names it.";
  return std::nullopt;
}

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? std::string(found->pw_name) : fmt::format("uid:{}", uid);
}

}  // namespace kmux::daemon
