#include "protocol/ws_legacy.hpp"

#include <cstdint>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "protocol/json.hpp"

namespace kmux {

namespace {

using size = rapidjson::SizeType;
using memory = rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream>;

constexpr std::string_view empty_object = "{}";
constexpr int deepest = 1000;
constexpr unsigned parse_flags = rapidjson::kParseIterativeFlag |
                                 rapidjson::kParseValidateEncodingFlag |
                                 rapidjson::kParseNanAndInfFlag |
                                 rapidjson::kParseNumbersAsStringsFlag;  // no value is ever needed

/// Finds the byte ranges of the outermost object's members in one pass, building nothing.
struct slicer : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, slicer> {
  std::string_view text;
  rapidjson::MemoryStream& position;
  channel_message& out;
  int depth = 0;
  std::string_view* target = nullptr;  ///< where the value that comes next goes
  std::size_t begin = 0;
  bool wants_channel = false;
  bool has_header = false;
  errc problem = errc::ok;

  slicer(std::string_view t, rapidjson::MemoryStream& p, channel_message& o)
      : text(t), position(p), out(o) {}

  bool fail(errc e) {
    problem = e;
    return false;
  }
  bool scalar() {
    if (depth == 0) return fail(errc::not_an_object);
    if (depth > 1) return true;
    if (target != nullptr) return fail(errc::bad_field);
    wants_channel = false;
    return true;
  }
  bool Default() { return scalar(); }
  bool RawNumber(const char*, size, bool) { return scalar(); }
  bool Null() {
    if (depth != 1) return scalar();
    target = nullptr;  // null counts as absent
    wants_channel = false;
    return true;
  }
  bool String(const char* s, size n, bool) {
    if (depth == 1 && wants_channel) {
      const auto named = channel_from({s, n});
      if (!named) return fail(errc::unknown_channel);
      out.channel = *named;
      wants_channel = false;
      return true;
    }
    return scalar();
  }
  bool Key(const char* s, size n, bool) {
    if (depth != 1) return true;
    const std::string_view name(s, n);
    target = nullptr;
    wants_channel = name == "channel";
    if (name == "header") target = &out.message.header;
    if (name == "parent_header") target = &out.message.parent_header;
    if (name == "metadata") target = &out.message.metadata;
    if (name == "content") target = &out.message.content;
    has_header = has_header || name == "header";
    return true;
  }
  bool StartObject() {
    // The reader calls us before it takes a brace, here and at the end.
    if (depth == 1 && target != nullptr) begin = position.Tell();
    return ++depth <= deepest || fail(errc::bad_json);
  }
  bool EndObject(size) {
    if (--depth == 1 && target != nullptr) {
      *target = text.substr(begin, position.Tell() + 1 - begin);
      target = nullptr;
    }
    return true;
  }
  bool StartArray() {
    if (depth == 0) return fail(errc::not_an_object);
    if (depth == 1 && target != nullptr) return fail(errc::bad_field);
    return ++depth <= deepest || fail(errc::bad_json);
  }
  bool EndArray(size) {
    --depth;
    return true;
  }
};

errc decode_text(std::string_view text, const message_limits& limits, channel_message& out) {
  out.channel = channel::shell;
  out.message.header = {};
  out.message.parent_header = out.message.metadata = out.message.content = empty_object;
  rapidjson::Reader reader;
  rapidjson::MemoryStream bytes(text.data(), text.size());
  slicer handler(text, bytes, out);
  // The plain stream, not the encoded one: its position must be that of the byte just taken.
  const auto outcome = reader.Parse<parse_flags>(bytes, handler);
  if (handler.problem != errc::ok) return handler.problem;
  if (outcome.IsError()) {
    return outcome.Code() == rapidjson::kParseErrorStringInvalidEncoding ? errc::bad_utf8
                                                                         : errc::bad_json;
  }
  if (out.message.header.empty()) return errc::missing_field;
  if (out.message.header.size() > limits.max_header_bytes ||
      out.message.parent_header.size() > limits.max_header_bytes) {
    return errc::too_large;
  }
  return errc::ok;
}

std::uint32_t load(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

void store(std::vector<char>& out, std::uint64_t value) {
  for (int i = 3; i >= 0; --i)
    out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

errc decode_ws_legacy(std::string_view payload, bool text, const message_limits& limits,
                      channel_message& out) {
  if (payload.size() > limits.max_bytes) return errc::too_large;
  out.message.buffers.clear();
  if (text) return decode_text(payload, limits, out);
  if (payload.size() < 4) return errc::truncated;
  const std::size_t count = load(payload, 0);  // the JSON and the buffers
  if (count == 0) return errc::truncated;
  if (count - 1 > limits.max_buffers) return errc::too_many;
  const std::size_t table = 4 * (count + 1);
  if (payload.size() < table) return errc::truncated;
  std::size_t at = load(payload, 4);
  if (at != table) return errc::bad_offset;
  std::string_view json;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t next = i + 1 < count ? load(payload, 4 * (i + 2)) : payload.size();
    if (next < at || next > payload.size()) return errc::bad_offset;
    const auto piece = payload.substr(at, next - at);
    if (i == 0) {
      json = piece;
    } else {
      out.message.buffers.push_back(piece);
    }
    at = next;
  }
  return decode_text(json, limits, out);
}

ws_payload encode_ws_legacy(channel c, const message_view& m, std::string_view msg_id,
                            std::string_view msg_type) {
  ws_payload out;
  out.text = m.buffers.empty();
  std::string head = "{\"channel\": \"";
  head += to_string(c);
  head += "\", \"msg_id\": " + json_quote(msg_id) + ", \"msg_type\": " + json_quote(msg_type);
  head += ", \"buffers\": [], \"header\": ";
  static constexpr std::string_view parent = ", \"parent_header\": ";
  static constexpr std::string_view metadata = ", \"metadata\": ";
  static constexpr std::string_view content = ", \"content\": ";
  if (!out.text) {
    const std::size_t count = m.buffers.size() + 1;
    std::size_t at = 4 * (count + 1);
    store(out.glue, count);
    store(out.glue, at);
    at += head.size() + m.header.size() + parent.size() + m.parent_header.size() + metadata.size() +
          m.metadata.size() + content.size() + m.content.size() + 1;
    for (const auto buffer : m.buffers) {
      store(out.glue, at);
      at += buffer.size();
    }
  }
  out.glue.insert(out.glue.end(), head.begin(), head.end());
  out.pieces = {{out.glue.data(), out.glue.size()},
                m.header,
                parent,
                m.parent_header,
                metadata,
                m.metadata,
                content,
                m.content,
                "}"};
  out.pieces.insert(out.pieces.end(), m.buffers.begin(), m.buffers.end());
  return out;
}

bool is_legacy_safe(const message_view& m) {
  for (const auto part : {m.header, m.parent_header, m.metadata, m.content}) {
    if (part.empty() || part.front() != '{' || !is_utf8(part)) return false;
    rapidjson::Reader reader;
    rapidjson::MemoryStream bytes(part.data(), part.size());
    memory input(bytes);
    rapidjson::BaseReaderHandler<> ignore;
    if (reader.Parse<parse_flags>(input, ignore).IsError()) return false;
  }
  return true;
}

}  // namespace kmux
