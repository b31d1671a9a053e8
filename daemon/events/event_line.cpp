#include "daemon/events/event_line.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "protocol/json.hpp"
#include "protocol/json_document.hpp"
#include "protocol/requests.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t longest_value = 1024;  ///< bytes, before they are quoted
constexpr std::size_t longest_name = 64;
constexpr std::string_view begins = R"({"number": )";

/// Not within a character.
std::string_view cut(std::string_view text) {
  if (text.size() <= longest_value) return text;
  std::size_t end = longest_value;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end);
}

/// What stands in the log as it is. Clients choose their sessions' names: one with a line end in it
/// would be a line of its own.
bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte != 0x7f && c != '"';
  });
}

}  // namespace

std::string event_member::json() const {
  return how_ == kind::number ? value_ : json_quote(cut(value_));
}

std::string event_member::logged() const {
  if (how_ == kind::unlogged) return {};
  const bool plain = how_ != kind::text && is_word(value_);
  return fmt::format(" {}={}", name_, plain ? value_ : json_quote(value_));
}

std::string event_text(std::string_view name, const event_members& members) {
  std::string out = fmt::format("event={}", name);
  for (const auto& each : members)
    out += each.logged();
  return out;
}

stored_event make_event(std::uint64_t number, std::int64_t time, std::string_view name,
                        const event_members& members) {
  stored_event out;
  out.number = number;
  out.name = name;
  out.line =
      fmt::format(R"({}{}, "time": "{}", "event": "{}")", begins, number, iso_date(time), name);
  for (const auto& each : members) {
    if (each.name() == "owner") out.owner = cut(each.value());
    if (each.name() == "kernel") out.kernel = cut(each.value());
    out.line += fmt::format(R"(, "{}": {})", each.name(), each.json());
  }
  out.line += '}';
  return out;
}

std::uint64_t number_of_event(std::string_view line) noexcept {
  if (!line.starts_with(begins)) return 0;
  line.remove_prefix(begins.size());
  std::uint64_t out = 0;
  const auto [end, ec] = std::from_chars(line.data(), line.data() + line.size(), out);
  const bool whole = ec == std::errc() && end != line.data() + line.size() && *end == ',';
  return whole && out <= stored_event::most_number ? out : 0;
}

std::optional<stored_event> parse_event(std::string_view line) {
  const auto number = number_of_event(line);
  const auto parsed = json::parse_object(line, "an event");
  // Between tokens JSON may have tabs and line ends; in a line that is passed on they would be one.
  const bool controls = std::ranges::any_of(line, [](char c) { return c >= 0 && c < ' '; });
  if (number == 0 || !parsed || controls) return std::nullopt;
  const auto name = json::string_at(*parsed, "event");
  if (!name || !is_event_name(*name) || !json::string_at(*parsed, "time")) return std::nullopt;
  stored_event out;
  out.number = number;
  out.name = *name;
  out.owner = json::string_at(*parsed, "owner").value_or("");
  out.kernel = json::string_at(*parsed, "kernel").value_or("");
  out.line = line;
  return out;
}

std::string dropped_line(std::uint64_t first, std::uint64_t last) {
  return fmt::format(R"({{"event": "events_dropped", "first": {}, "last": {}}})", first, last);
}

bool is_event_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= longest_name &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
}

}  // namespace kmux::daemon
