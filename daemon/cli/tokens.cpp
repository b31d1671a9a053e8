#include "daemon/cli/tokens.hpp"

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "daemon/cli/table.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

namespace {

exit_code usage(std::string problem) {
  return explain({exit_code::usage, std::move(problem), "kmux token --help"});
}

/// The token alone on stdout, so that it can be put where it is needed.
exit_code show_once(const session& s, const std::string& body) {
  if (s.as_json()) return print_line(body);
  const auto made = json::parse_object(body, "the token");
  if (!made) return explain({exit_code::failed, made.error().detail});
  fmt::print(stderr, "{}, {}'s, may {}, until {}. It is shown this once:\n", text_at(*made, "name"),
             text_at(*made, "owner"), text_at(*made, "scopes"),
             text_at(*made, "expires").empty() ? "it is revoked" : text_at(*made, "expires"));
  return print_line(text_at(*made, "token"));
}

exit_code create(const session& s) {
  auto body = "{\"name\": " + json_quote(s.words[1]);
  if (s.has("owner")) body += ", \"owner\": " + json_quote(s.value("owner"));
  if (s.has("scopes")) body += ", \"scopes\": " + json_quote(s.value("scopes"));
  const auto life = duration_flag(s, "expires", {});
  if (!life) return life.error();
  if (s.has("expires")) {
    body += fmt::format(", \"expires_in\": {}", std::chrono::duration<double>(*life).count());
  }
  const auto got = ask(s, "POST", "api/tokens", body + "}");
  return got ? show_once(s, *got) : got.error();
}

exit_code list(const session& s) {
  const auto got = ask(s, "GET", "api/tokens");
  if (!got) return got.error();
  if (s.as_json()) return print_line(*got);
  const auto tokens = json::parse(*got, "the tokens");
  if (!tokens || !tokens->IsArray()) {
    return explain({exit_code::failed, "kmuxd has answered with what is no list."});
  }
  table_rows rows = {{"NAME", "OWNER", "SCOPES", "CREATED", "EXPIRES"}};
  for (const auto& each : tokens->GetArray()) {
    const auto* const expired = json::find(each, "expired");
    const bool over = expired != nullptr && expired->IsBool() && expired->GetBool();
    const auto end = text_at(each, "expires");
    rows.push_back({text_at(each, "name"), text_at(each, "owner"), text_at(each, "scopes"),
                    text_at(each, "created"),
                    end.empty() ? "never" : end + (over ? " (over)" : "")});
  }
  fmt::print("{}", as_table(rows));
  return exit_code::done;
}

std::string path_of(const session& s, std::string_view what) {
  auto out = fmt::format("api/tokens/{}{}", s.words[1], what);
  if (s.has("owner")) out += "?owner=" + s.value("owner");
  return out;
}

exit_code revoke(const session& s) {
  if (!may(s, "Whatever uses the token " + s.words[1] + " is locked out"))
    return exit_code::refused;
  const auto got = ask(s, "DELETE", path_of(s, ""));
  return got ? exit_code::done : got.error();
}

exit_code rotate(const session& s) {
  if (!may(s, "Whatever uses the token " + s.words[1] + " needs the new one")) {
    return exit_code::refused;
  }
  const auto got = ask(s, "POST", path_of(s, "/rotate"));
  return got ? show_once(s, *got) : got.error();
}

/// Into an address as they are.
bool is_plain(const std::string& word) {
  return word.find_first_of("/?#&% ") == std::string::npos;
}

}  // namespace

exit_code token(session& s) {
  const auto& what = s.words.front();
  if (what == "list") return s.words.size() == 1 ? list(s) : usage("token list takes no name.");
  if (s.words.size() != 2) return usage("token " + what + " needs the token's name.");
  if (!is_plain(s.words[1]) || !is_plain(s.value("owner"))) {
    return usage("Names have no blanks and none of / ? # & %.");
  }
  if (what == "create") return create(s);
  if (what == "revoke") return revoke(s);
  if (what == "rotate") return rotate(s);
  return usage("token does create, list, revoke or rotate.");
}

}  // namespace kmux::cli
