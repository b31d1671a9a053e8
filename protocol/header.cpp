#include "protocol/header.hpp"

#include <fmt/format.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "protocol/json.hpp"

namespace kmux {

namespace {

using size = rapidjson::SizeType;

/// Picks string members of the outermost object by name; skips everything else.
template <class Fields>
struct member_picker : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, member_picker<Fields>> {
  Fields& fields;
  int depth = 0;
  std::string* target = nullptr;  ///< where the value after this key goes
  bool wrong_type = false;
  bool done = false;

  explicit member_picker(Fields& f) : fields(f) {}

  bool Default() {  // numbers and booleans
    if (target == nullptr) return true;
    wrong_type = true;
    return false;
  }
  bool RawNumber(const char*, size, bool) { return Default(); }
  bool Null() {
    target = nullptr;
    return true;
  }
  bool StartObject() {
    if (depth > 0 && !Default()) return false;
    ++depth;
    return true;
  }
  bool EndObject(size) {
    --depth;
    return true;
  }
  bool StartArray() {
    // An array on the outside is no object: not_an_object, found by depth.
    if (depth == 0 || !Default()) return false;
    ++depth;
    return true;
  }
  bool EndArray(size) {
    --depth;
    return true;
  }
  bool Key(const char* s, size n, bool) {
    target = depth == 1 ? fields.member({s, n}) : nullptr;
    return true;
  }
  bool String(const char* s, size n, bool) {
    if (depth == 0) return false;
    if (target == nullptr) return true;
    target->assign(s, n);
    target = nullptr;
    done = fields.complete();
    return !done;
  }
};

struct header_fields_of {
  header& out;
  std::string* member(std::string_view name) {
    if (name == "msg_id") return &out.msg_id;
    if (name == "msg_type") return &out.msg_type;
    if (name == "session") return &out.session;
    if (name == "username") return &out.username;
    if (name == "subshell_id") return &out.subshell_id;
    return nullptr;
  }
  // Not before the end: subshell_id may follow, and a header is short.
  bool complete() const { return false; }
};

struct state_field {
  std::string& out;
  std::string* member(std::string_view name) { return name == "execution_state" ? &out : nullptr; }
  bool complete() const { return !out.empty(); }
};

template <class Fields>
errc pick(std::string_view text, Fields fields) {
  constexpr unsigned flags = rapidjson::kParseIterativeFlag |
                             rapidjson::kParseValidateEncodingFlag |
                             rapidjson::kParseNanAndInfFlag | rapidjson::kParseNumbersAsStringsFlag;
  // Reused between calls: the reader's stack is the only allocation here.
  thread_local rapidjson::Reader reader;
  member_picker<Fields> picker(fields);
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> input(bytes);
  const auto outcome = reader.Parse<flags>(input, picker);
  if (!outcome.IsError() || picker.done) {
    return text.find('{') == std::string_view::npos ? errc::not_an_object : errc::ok;
  }
  if (picker.wrong_type) return errc::bad_field;
  if (outcome.Code() == rapidjson::kParseErrorStringInvalidEncoding) return errc::bad_utf8;
  if (outcome.Code() == rapidjson::kParseErrorTermination) return errc::not_an_object;
  return errc::bad_json;
}

}  // namespace

void header::clear() noexcept {
  msg_id.clear();
  msg_type.clear();
  session.clear();
  subshell_id.clear();
  username.clear();
}

errc peek_header(std::string_view json, header& out) {
  out.clear();
  if (json == "{}" || json == "null") return errc::ok;  // xeus's iopub_welcome has a null parent
  return pick(json, header_fields_of{out});
}

std::string peek_execution_state(std::string_view content) {
  std::string state;
  if (pick(content, state_field{state}) != errc::ok) state.clear();
  return state;
}

std::string make_header(const header_fields& f) {
  return fmt::format(
      R"({{"msg_id": {}, "session": {}, "username": {}, "date": {}, "msg_type": {}, "version": "5.5"}})",
      json_quote(f.msg_id), json_quote(f.session), json_quote(f.username), json_quote(f.date),
      json_quote(f.msg_type));
}

}  // namespace kmux
