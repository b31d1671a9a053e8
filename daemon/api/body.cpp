#include "daemon/api/body.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace kmux::daemon {

namespace {

constexpr std::size_t most_variables = 1000;
constexpr std::size_t longest_variable = 128 << 10;  // Linux's MAX_ARG_STRLEN: NAME=value and NUL
constexpr std::size_t most_bytes = 1 << 20;
constexpr std::size_t longest_text = 4096;  // Linux's PATH_MAX

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  return !name.empty() && name.size() <= 256 && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

result<void> take_string(const json::value& value, std::string_view name, std::string& out) {
  if (!value.IsString()) {
    return error{errc::bad_field, fmt::format("\"{}\" must be a string.", name)};
  }
  const std::string_view text(value.GetString(), value.GetStringLength());
  if (text.find('\0') != std::string_view::npos) {
    return error{errc::bad_field, fmt::format("\"{}\" must not contain a null character.", name)};
  }
  out = text;
  return {};
}

}  // namespace

result<rapidjson::Document> body_object(const http_request& request) {
  const auto blank = request.body.find_first_not_of(" \t\r\n") == std::string::npos;
  auto document = json::parse(blank ? "{}" : std::string_view(request.body), "the request's body");
  if (!document) return document;
  if (document->IsNull()) document->SetObject();
  if (!document->IsObject()) {
    return error{errc::not_an_object, "The request's body must be a JSON object."};
  }
  return document;
}

result<void> read_string(const json::value& object, std::string_view name, std::string& out) {
  const auto* const member = json::find(object, name);
  if (member == nullptr) return {};
  // It is kept, listed, and repeated in errors.
  if (member->IsString() && member->GetStringLength() > longest_text) {
    return error{errc::too_large,
                 fmt::format("\"{}\" may have at most {} bytes.", name, longest_text)};
  }
  return take_string(*member, name, out);
}

result<void> read_environment(const json::value& object, environment& out) {
  const auto* const env = json::find(object, "env");
  if (env == nullptr) return {};
  if (!env->IsObject()) return error{errc::bad_field, "\"env\" must be an object of strings."};
  if (env->MemberCount() > most_variables) {
    return error{errc::too_many,
                 fmt::format("\"env\" may have at most {} variables.", most_variables)};
  }
  std::size_t bytes = 0;
  for (const auto& member : env->GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (!is_variable_name(name)) {
      return error{
          errc::bad_field,
          "A variable's name in \"env\" must be letters, digits and _, and not begin with a "
          "digit."};
    }
    if (member.value.IsNull()) continue;
    // Not by its name again: a name may come twice, and the last one counts.
    std::string value;
    if (const auto taken = take_string(member.value, name, value); !taken) return taken;
    bytes += name.size() + value.size();
    if (name.size() + value.size() + 2 > longest_variable || bytes > most_bytes) {
      return error{errc::too_large, "\"env\" is too large."};
    }
    out.insert_or_assign(std::string(name), std::move(value));
  }
  return {};
}

std::optional<std::uint64_t> number_argument(const http_request& request, std::string_view name,
                                             std::uint64_t otherwise) {
  const auto* const text = request.argument(name);
  if (text == nullptr) return otherwise;
  return whole_number(*text);
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t out = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, failed] = std::from_chars(text.data(), end, out);
  if (failed != std::errc() || stopped != end) return std::nullopt;
  return out;
}

result<kernel_request> read_kernel_request(const json::value& object) {
  kernel_request out;
  if (const auto r = read_string(object, "name", out.name); !r) return r.error();
  if (const auto r = read_string(object, "path", out.path); !r) return r.error();
  if (const auto r = read_string(object, "kernel_id", out.id); !r) return r.error();
  if (const auto r = read_environment(object, out.env); !r) return r.error();
  return out;
}

}  // namespace kmux::daemon
