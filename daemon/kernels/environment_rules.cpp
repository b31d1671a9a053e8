#include "daemon/kernels/environment_rules.hpp"

#include <algorithm>

namespace kmux::daemon {

bool is_named(const std::vector<std::string>& patterns, std::string_view variable) noexcept {
  return std::any_of(patterns.begin(), patterns.end(), [&](std::string_view pattern) {
    if (!pattern.ends_with('*')) return variable == pattern;
    pattern.remove_suffix(1);
    return variable.starts_with(pattern);
  });
}

const std::string* environment_rules::refused(const environment& wanted) const noexcept {
  for (const auto& [name, value] : wanted) {
    if (is_named(deny, name) && !is_named(allow, name)) return &name;
  }
  return nullptr;
}

}  // namespace kmux::daemon
