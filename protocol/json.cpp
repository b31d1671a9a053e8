#include "protocol/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include "protocol/json_document.hpp"

namespace kmux {

namespace {

/// Length of the UTF-8 sequence at the beginning of `s` (RFC 3629), 0 if there is none.
std::size_t sequence_length(std::string_view s) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  unsigned low = 0x80, high = 0xbf;  // of the second byte: no overlong form, no surrogate
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  }
  if (length == 0 || s.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

/// ASCII that stands for itself in a JSON string.
constexpr bool is_plain(char c) noexcept {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (static_cast<unsigned char>(c) < 0x20) {
    out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
  } else {
    out += c;
  }
}

}  // namespace

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  out.reserve(text.size() + 2);
  while (!text.empty()) {
    // Runs of plain characters at once.
    const auto end = std::find_if_not(text.begin(), text.end(), is_plain);
    const auto run = static_cast<std::size_t>(end - text.begin());
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) break;
    const std::size_t length = sequence_length(text);
    if (length == 1) {
      append_escaped(out, text.front());
    } else if (length == 0) {
      out += "\xef\xbf\xbd";  // U+FFFD
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + '"';
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    // Nearly all text is ASCII: eight bytes at a time.
    std::uint64_t word = 0;
    while (text.size() >= sizeof word) {
      std::memcpy(&word, text.data(), sizeof word);
      if ((word & 0x8080808080808080U) != 0) break;
      text.remove_prefix(sizeof word);
    }
    if (text.empty()) return true;
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string as_utf8(std::string text) {
  if (is_utf8(text)) return text;
  std::string out;
  for (std::string_view left = text; !left.empty();) {
    const std::size_t length = sequence_length(left);
    if (length == 0) {
      out += "\xef\xbf\xbd";  // U+FFFD
    } else {
      out += left.substr(0, length);
    }
    left.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

namespace json {

namespace {

/// Builds a document, but gives up at a depth which its destructor could not recurse into.
struct bounded_depth {
  rapidjson::Document& document;
  int depth_left;
  bool& too_large;

  bool enter(bool accepted) { return accepted && --depth_left >= 0; }
  bool leave(bool accepted) {
    ++depth_left;
    return accepted;
  }

  /// RapidJSON 1.1's own conversion reads beyond its table for some long numbers.
  bool RawNumber(const char* s, rapidjson::SizeType n, bool) {
    const char* const end = s + n;
    std::uint64_t natural = 0;
    if (const auto r = std::from_chars(s, end, natural); r.ec == std::errc() && r.ptr == end) {
      return document.Uint64(natural);
    }
    std::int64_t whole = 0;
    if (const auto r = std::from_chars(s, end, whole); r.ec == std::errc() && r.ptr == end) {
      return document.Int64(whole);
    }
    double real = 0;
    const auto r = std::from_chars(s, end, real);
    // What is too small for a double is none of its numbers but zero; what is too large is an
    // error.
    if (r.ec == std::errc::result_out_of_range)
      real = std::strtod(std::string(s, n).c_str(), nullptr);
    return !(too_large = std::isinf(real)) && document.Double(real);
  }

  bool Null() { return document.Null(); }
  bool Bool(bool v) { return document.Bool(v); }
  bool Int(int v) { return document.Int(v); }
  bool Uint(unsigned v) { return document.Uint(v); }
  bool Int64(std::int64_t v) { return document.Int64(v); }
  bool Uint64(std::uint64_t v) { return document.Uint64(v); }
  bool Double(double v) { return document.Double(v); }
  bool String(const char* s, rapidjson::SizeType n, bool copy) {
    return document.String(s, n, copy);
  }
  bool Key(const char* s, rapidjson::SizeType n, bool copy) { return document.Key(s, n, copy); }
  bool StartObject() { return enter(document.StartObject()); }
  bool EndObject(rapidjson::SizeType n) { return leave(document.EndObject(n)); }
  bool StartArray() { return enter(document.StartArray()); }
  bool EndArray(rapidjson::SizeType n) { return leave(document.EndArray(n)); }
};

}  // namespace

result<rapidjson::Document> parse(std::string_view text, std::string_view what, int max_depth) {
  // What is passed on has the number that it had.
  constexpr unsigned flags = rapidjson::kParseIterativeFlag |
                             rapidjson::kParseValidateEncodingFlag |
                             rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::Document document;
  bool too_large = false;
  rapidjson::ParseResult outcome;
  const auto generate = [&](rapidjson::Document& into) {
    rapidjson::Reader reader;
    rapidjson::MemoryStream stream(text.data(), text.size());
    rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> input(stream);
    bounded_depth handler{into, max_depth, too_large};
    outcome = reader.Parse<flags>(input, handler);
    return !outcome.IsError();
  };
  document.Populate(generate);
  if (!outcome.IsError()) return document;
  if (too_large) return error{errc::bad_json, fmt::format("{} has a number too large", what)};
  if (outcome.Code() == rapidjson::kParseErrorTermination) {
    return error{errc::bad_json,
                 fmt::format("{} is nested deeper than {} levels", what, max_depth)};
  }
  return error{errc::bad_json,
               fmt::format("{} is not JSON: {} (at byte {})", what,
                           rapidjson::GetParseError_En(outcome.Code()), outcome.Offset())};
}

result<rapidjson::Document> parse_object(std::string_view text, std::string_view what) {
  auto document = parse(text, what);
  if (document && !document->IsObject()) {
    return error{errc::not_an_object, fmt::format("{} must be a JSON object", what)};
  }
  return document;
}

const value* find(const value& v, std::string_view name) noexcept {
  if (!v.IsObject()) return nullptr;
  const value key(rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size())));
  const auto member = v.FindMember(key);
  if (member == v.MemberEnd() || member->value.IsNull()) return nullptr;
  return &member->value;
}

std::optional<std::string_view> string_at(const value& v, std::string_view name) noexcept {
  const value* const member = find(v, name);
  if (member == nullptr || !member->IsString()) return std::nullopt;
  return std::string_view(member->GetString(), member->GetStringLength());
}

std::string dump(const value& v) {
  rapidjson::StringBuffer buffer;
  writer w(buffer);
  v.Accept(w);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace json
}  // namespace kmux
