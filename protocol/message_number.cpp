#include "protocol/message_number.hpp"

#include <charconv>

#include <fmt/format.h>

namespace kmux {

namespace {

constexpr std::string_view mark = ";seq=";
constexpr std::string_view not_kept = ";kept=no";

}  // namespace

std::string numbered(std::string_view topic, message_number m) {
  return fmt::format("{}{}{}{}", topic, m.kept ? "" : not_kept, mark, m.number);
}

message_number number_of(std::span<const std::string_view> identities) {
  if (identities.empty()) return {};
  const std::string_view last = identities.back();
  const auto at = last.rfind(mark);
  if (at == std::string_view::npos) return {};
  message_number out;
  const char* const end = last.data() + last.size();
  const auto [stopped, problem] = std::from_chars(last.data() + at + mark.size(), end, out.number);
  if (problem != std::errc() || stopped != end) return {};
  out.kept = !last.substr(0, at).ends_with(not_kept);
  return out;
}

}  // namespace kmux
