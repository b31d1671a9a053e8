#pragma once
// Levels of single subjects of the log, as log.levels has them.

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace kmux::config {

inline constexpr std::array<std::string_view, 7> log_levels = {
    "trace", "debug", "info", "warning", "error", "critical", "off"};
inline constexpr std::array<std::string_view, 7> log_subjects = {
    "auth", "clients", "daemon", "http", "hub", "journal", "kernels"};

struct subject_level {
  std::string subject, level;
};

/// Of "SUBJECT=LEVEL"; nullopt where it is none of these.
std::optional<subject_level> parse_subject_level(std::string_view);

/// What is wrong with one; empty if nothing is.
std::string check_subject_level(const std::string&);

}  // namespace kmux::config
