#pragma once
// Columns, times and sizes for people.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kmux::cli {

using table_rows = std::vector<std::vector<std::string>>;

/// Columns are as wide as they need to be, two blanks apart, nothing after the last. Cells have no
/// control characters afterwards. `paint` makes a cell that is padded already coloured.
std::string as_table(const table_rows& rows,
                     const std::function<std::string(std::size_t row, std::size_t column,
                                                     const std::string& cell)>& paint = {});

/// Since a time of RFC 3339, in seconds; -1 where it is none.
double seconds_since(const std::string& iso);
/// "5s", "12m", "3h", "4d": the largest unit that fits. Nothing where it is negative.
std::string show_age(double seconds);
/// "1.5s", "12s", "3m20s", "5h10m".
std::string show_cpu(double seconds);
/// "512K", "1.5M", "12G". Nothing where it is negative.
std::string show_bytes(double bytes);
/// A number, or "-" where it is negative.
std::string show_count(std::int64_t);

}  // namespace kmux::cli
