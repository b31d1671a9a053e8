#include "config/cull_rule.hpp"

#include <sstream>

#include "config/units.hpp"

namespace kmux::config {

namespace {

constexpr const char* form =
    "write kernelspec:NAME or owner:NAME (or both), then idle_timeout=TIME or max_age=TIME (or "
    "both), such as: kernelspec:ir idle_timeout=2h max_age=0";

/// One word of a rule into it; what is wrong, or nothing.
std::string take_word(std::string_view word, cull_rule& rule) {
  for (const auto& [prefix, name] :
       {std::pair{std::string_view("kernelspec:"), &rule.kernelspec}, {"owner:", &rule.owner}}) {
    if (!word.starts_with(prefix)) continue;
    if (!name->empty()) return std::string(prefix) + " stands there twice";
    *name = word.substr(prefix.size());
    return name->empty() ? std::string(form) : "";
  }
  for (const auto& [prefix, time] :
       {std::pair{std::string_view("idle_timeout="), &rule.idle_timeout},
        {"max_age=", &rule.max_age}}) {
    if (!word.starts_with(prefix)) continue;
    if (*time) return std::string(prefix) + " stands there twice";
    *time = parse_duration(word.substr(prefix.size()));
    return *time ? "" : "after " + std::string(prefix) + " write a time such as 30min or 1.5h";
  }
  return form;
}

}  // namespace

std::optional<cull_rule> parse_cull_rule(std::string_view text, std::string& problem) {
  cull_rule rule;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    problem = take_word(word, rule);
    if (!problem.empty()) return std::nullopt;
  }
  const bool whom = !rule.kernelspec.empty() || !rule.owner.empty();
  const bool what = rule.idle_timeout || rule.max_age;
  problem = whom && what ? "" : form;
  if (!problem.empty()) return std::nullopt;
  return rule;
}

std::string check_cull_rule(const std::string& text) {
  std::string problem;
  parse_cull_rule(text, problem);
  return problem;
}

}  // namespace kmux::config
