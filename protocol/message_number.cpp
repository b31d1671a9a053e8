#include "protocol/message_number.hpp"

#include <charconv>
#include <iterator>
#include <limits>

namespace kmux {

namespace {

constexpr std::string_view mark = ";seq=";
constexpr std::string_view not_kept = ";kept=no";

}  // namespace

std::string numbered(std::string_view topic, message_number m) {
  char digits[std::numeric_limits<std::uint64_t>::digits10 + 1];
  const char* const end = std::to_chars(std::begin(digits), std::end(digits), m.number).ptr;
  std::string out;
  out.reserve(topic.size() + not_kept.size() + mark.size() + sizeof digits);
  out += topic;
  if (!m.kept) out += not_kept;
  out += mark;
  out.append(digits, static_cast<std::size_t>(end - digits));
  return out;
}

std::string as_not_kept(std::string_view text) {
  const std::string_view only[] = {text};
  const auto found = number_of(only);
  if (found.number == 0 || !found.kept) return std::string(text);
  return numbered(text.substr(0, text.rfind(mark)), {found.number, false});
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
