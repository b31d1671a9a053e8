#pragma once
// Columns for people.

#include <string>
#include <vector>

namespace kmux::cli {

/// The first row is the head. Columns are as wide as they need to be, two blanks apart, nothing
/// after the last.
std::string as_table(const std::vector<std::vector<std::string>>& rows);

/// "5s", "12m", "3h", "4d": the largest unit that fits. Nothing where `iso` is no time of RFC 3339.
std::string age_of(const std::string& iso);

}  // namespace kmux::cli
