#include "daemon/cli/table.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "daemon/cli/terminal.hpp"

namespace kmux::cli {

namespace {

/// A cell is one line, and steers no terminal.
std::string cell_of(const std::string& text) {
  std::string out = without_controls(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return out;
}

}  // namespace

std::string as_table(
    const table_rows& given,
    const std::function<std::string(std::size_t, std::size_t, const std::string&)>& paint) {
  table_rows rows = given;
  std::vector<std::size_t> widths;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = cell_of(row[i]);
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const bool last = i + 1 == rows[r].size();
      std::string cell = rows[r][i];
      if (!last) cell.append(widths[i] - width_of(cell), ' ');
      line += paint ? paint(r, i, cell) : cell;
      if (!last) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

double seconds_since(const std::string& iso) {
  std::tm parts{};
  const char* const rest = ::strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return -1;
  const double fraction = *rest == '.' ? std::strtod(rest, nullptr) : 0;
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return std::max(0.0, now.count() - static_cast<double>(::timegm(&parts)) - fraction);
}

std::string show_age(double seconds) {
  if (seconds < 0) return {};
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m", whole / 60);
  if (whole < 86400) return fmt::format("{}h", whole / 3600);
  return fmt::format("{}d", whole / 86400);
}

std::string show_cpu(double seconds) {
  if (seconds < 0) return "-";
  const auto whole = static_cast<std::int64_t>(seconds);
  if (seconds < 10) return fmt::format("{:.1f}s", seconds);
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

std::string show_bytes(double bytes) {
  if (bytes < 0) return "-";
  const char* unit = "";
  for (const char* const next : {"K", "M", "G", "T"}) {
    if (bytes < 1024) break;
    bytes /= 1024;
    unit = next;
  }
  return bytes < 10 && *unit != '\0' ? fmt::format("{:.1f}{}", bytes, unit)
                                     : fmt::format("{:.0f}{}", bytes, unit);
}

std::string show_count(std::int64_t number) {
  return number < 0 ? "-" : fmt::to_string(number);
}

}  // namespace kmux::cli
