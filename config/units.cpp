#include "config/units.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace kmux::config {

namespace {

/// The number at the beginning of `text`, which is cut off.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, failed] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (failed != std::errc{} || !(value >= 0)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

constexpr std::array<std::pair<std::string_view, double>, 7> time_units = {
    {{"", 1e3}, {"s", 1e3}, {"ms", 1}, {"min", 60e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}}};
constexpr std::array<std::pair<std::string_view, std::size_t>, 5> size_units = {
    {{"", 1},
     {"B", 1},
     {"KiB", std::size_t{1} << 10},
     {"MiB", std::size_t{1} << 20},
     {"GiB", std::size_t{1} << 30}}};

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const auto& [unit, milliseconds] : time_units) {
    if (text != unit) continue;
    const double value = *number * milliseconds;
    if (value > 366.0 * 86400e3) return std::nullopt;
    return std::chrono::milliseconds(static_cast<long long>(value + 0.5));
  }
  return std::nullopt;
}

std::string show_duration(std::chrono::milliseconds d) {
  return d.count() % 1000 == 0 ? std::to_string(d.count() / 1000) + "s"
                               : std::to_string(d.count()) + "ms";
}

std::optional<std::size_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const auto& [unit, bytes] : size_units) {
    if (text != unit) continue;
    const double value = *number * static_cast<double>(bytes);
    if (value > 1e12) return std::nullopt;
    return static_cast<std::size_t>(value);
  }
  return std::nullopt;
}

std::string show_size(std::size_t bytes) {
  for (auto unit = size_units.rbegin(); unit->second > 1; ++unit) {
    if (bytes >= unit->second && bytes % unit->second == 0) {
      return std::to_string(bytes / unit->second) + std::string(unit->first);
    }
  }
  return std::to_string(bytes);
}

std::optional<unsigned> parse_processors(std::string_view text) {
  const auto number = take_number(text);
  if (!number || !text.empty() || *number < 0.01 || *number > 10'000) return std::nullopt;
  return static_cast<unsigned>(*number * 1000 + 0.5);
}

std::string check_listen(std::string_view text) {
  if (text.starts_with("unix:")) {
    const auto path = text.substr(5);
    if (path.empty() || path.front() != '/') return "after unix: there must be an absolute path";
    return path.size() > 107 ? "the path of a Unix socket has at most 107 bytes" : "";
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return "write HOST:PORT, [::1]:PORT or unix:/PATH";
  }
  const auto host = text.substr(0, colon);
  if (host.find(':') != std::string_view::npos && (host.front() != '[' || host.back() != ']')) {
    return "an IPv6 address stands in brackets: [::1]:8888";
  }
  const auto port = text.substr(colon + 1);
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (port.empty() || failed != std::errc{} || end != port.data() + port.size() || value > 65535) {
    return "the port must be a number from 0 to 65535 (0 picks a free one)";
  }
  return "";
}

bool is_private_listen(std::string_view text) {
  return text.starts_with("unix:") || text.starts_with("127.") || text.starts_with("localhost:") ||
         text.starts_with("[::1]:");
}

}  // namespace kmux::config
