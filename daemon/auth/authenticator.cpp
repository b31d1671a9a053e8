#include "daemon/auth/authenticator.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "daemon/http/text.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t shortest_token = 8;
constexpr std::size_t longest_token = 4096;

/// Links are followed, unlike elsewhere: secrets that are mounted into containers are links.
result<std::string> read_small_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(1 << 20, '\0');
  if (!file) return error{errc_of(errno), "cannot read " + path};
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A directory opens like a file; and of a list too long, the beginning of a token is no token.
  if (!file.eof()) return error{errc::io, "cannot read " + path + ", or it has a MiB or more"};
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

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
  identity who(owner, scope::admin);
  who.credentials = "the token file";
  const auto added = add(*text, std::move(who));
  if (!added) return error{added.error().code, path + ": " + added.error().detail};
  return {};
}

std::optional<identity> authenticator::find(std::string_view token,
                                            std::chrono::system_clock::time_point now,
                                            std::string& problem) const {
  const auto given = digest_of(token);
  const identity* found = nullptr;
  for (const auto& each : tokens_) {
    if (same_digest(each.hash, given)) found = &each.who;
  }
  const auto* const named = named_.find(given);
  auto who = found != nullptr ? std::optional(*found) : std::nullopt;
  if (!who && named != nullptr && !named->expired(now)) who = named->bearer();
  if (who) {
    who->token = given;
    return who;
  }
  problem = named == nullptr ? "The token is not one of this server's."
                             : "The token has expired. Have a new one made.";
  return std::nullopt;
}

bool authenticator::still_good(const identity& who) const {
  if (!who.token || named_.find(*who.token) != nullptr) return true;
  return std::any_of(tokens_.begin(), tokens_.end(),
                     [&](const entry& each) { return same_digest(each.hash, *who.token); });
}

result<token_list> read_token_list(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text && text.error().code == errc::not_found) return token_list();
  if (!text) return text.error();
  auto list = token_list::parse(*text);
  if (!list) return error{list.error().code, path + ":" + list.error().detail};
  return list;
}

}  // namespace kmux::daemon
