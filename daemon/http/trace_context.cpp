#include "daemon/http/trace_context.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/http/message.hpp"
#include "daemon/http/text.hpp"
#include "protocol/ids.hpp"

namespace kmux::daemon {

namespace {

// version "-" trace-id "-" parent-id "-" trace-flags, in lower-case hexadecimal digits
constexpr std::size_t trace_at = 3, parent_at = 36, flags_at = 53, whole = 55;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// All zeros are an id that is none.
bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::string parse_traceparent(std::string_view text) {
  if (text.size() < whole) return {};
  const auto version = text.substr(0, 2);
  const auto trace = text.substr(trace_at, 32), parent = text.substr(parent_at, 16);
  const auto flags = text.substr(flags_at, 2);
  const bool dashes = text[2] == '-' && text[parent_at - 1] == '-' && text[flags_at - 1] == '-';
  const bool more = text.size() > whole;
  if (!dashes || !is_hex(version) || version == "ff" || !is_id(trace) || !is_id(parent) ||
      !is_hex(flags) || (more && (version == "00" || text[whole] != '-'))) {
    return {};
  }
  return fmt::format("00-{}-{}-{}", trace, parent, flags);
}

std::string traceparent_of(const http_request& request) {
  const auto is_one = [](const auto& each) { return iequals(each.first, "traceparent"); };
  if (std::ranges::count_if(request.headers, is_one) != 1) return {};
  return parse_traceparent(*request.header("traceparent"));
}

std::string_view trace_id_of(std::string_view traceparent) noexcept {
  return traceparent.size() < whole ? std::string_view() : traceparent.substr(trace_at, 32);
}

std::string make_traceresponse(std::string_view traceparent) {
  return fmt::format("00-{}-{}-00", trace_id_of(traceparent), random_hex(8));
}

}  // namespace kmux::daemon
