#include "protocol/message_number.hpp"

#include <charconv>

#include <fmt/format.h>

namespace kmux {

namespace {

constexpr std::string_view mark = ";seq=";

}  // namespace

std::string numbered(std::string_view topic, std::uint64_t number) {
  return fmt::format("{}{}{}", topic, mark, number);
}

std::uint64_t number_of(std::span<const std::string_view> identities) {
  if (identities.empty()) return 0;
  const std::string_view last = identities.back();
  const auto at = last.rfind(mark);
  if (at == std::string_view::npos) return 0;
  std::uint64_t out = 0;
  const char* const end = last.data() + last.size();
  const auto [stopped, problem] = std::from_chars(last.data() + at + mark.size(), end, out);
  return problem == std::errc() && stopped == end ? out : 0;
}

}  // namespace kmux
