#include "config/log_level.hpp"

#include <algorithm>

namespace kmux::config {

std::optional<subject_level> parse_subject_level(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const auto subject = text.substr(0, equals), level = text.substr(equals + 1);
  if (std::ranges::count(log_subjects, subject) == 0 || std::ranges::count(log_levels, level) == 0)
    return std::nullopt;
  return subject_level{std::string(subject), std::string(level)};
}

std::string check_subject_level(const std::string& text) {
  if (parse_subject_level(text)) return {};
  std::string out = "write SUBJECT=LEVEL, with one of";
  for (const auto each : log_subjects)
    out += " " + std::string(each);
  out += "; and one of";
  for (const auto each : log_levels)
    out += " " + std::string(each);
  return out;
}

}  // namespace kmux::config
