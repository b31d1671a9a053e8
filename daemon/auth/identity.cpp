#include "daemon/auth/identity.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/json.hpp"

namespace kmux::daemon {

namespace {

constexpr std::array<std::pair<std::string_view, scope>, 5> names = {{
    {"observe", scope::observe},
    {"read", scope::read},
    {"use", scope::use},
    {"act-for", scope::act_for},
    {"admin", scope::admin},
}};

constexpr std::array<access, 4> guarded = {access::look, access::read, access::use, access::admin};

}  // namespace

bool scope_set::permits(access what) const {
  const bool uses = has(scope::use) || has(scope::act_for) || has(scope::admin);
  switch (what) {
    case access::open:
      return true;
    case access::look:
      return bits_ != 0;
    case access::read:
      return uses || has(scope::read);
    case access::use:
      return uses;
    case access::admin:
      return has(scope::admin);
  }
  return false;
}

bool scope_set::covers(scope_set other) const {
  if (has(scope::admin)) return true;
  if (other.has(scope::admin) || (other.has(scope::act_for) && !has(scope::act_for))) return false;
  if (other.has(scope::observe) && !has(scope::observe) && !has(scope::act_for)) return false;
  return std::all_of(guarded.begin(), guarded.end(),
                     [&](access a) { return permits(a) || !other.permits(a); });
}

std::optional<scope_set> parse_scopes(std::string_view text) {
  scope_set out;
  while (true) {
    const auto comma = text.find(',');
    const auto word = text.substr(0, comma);
    const auto* const found = std::find_if(names.begin(), names.end(),
                                           [&](const auto& each) { return each.first == word; });
    if (found == names.end()) return std::nullopt;
    out = out | found->second;
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

std::string to_string(scope_set scopes) {
  std::string out;
  for (const auto& [name, one] : names) {
    if (!scopes.has(one)) continue;
    if (!out.empty()) out += ',';
    out += name;
  }
  return out;
}

bool identity::may_see(const std::string& whom) const {
  if (may_see_all()) return true;
  // Whoever may only observe owns nothing that could be read.
  return owner == whom && scopes.permits(doing);
}

bool is_owner_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && is_utf8(name) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

}  // namespace kmux::daemon
