#include "protocol/nbformat/output.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux {

namespace {

/// Comm and message ids are UUIDs or not much longer; longer ones are not worth their memory.
constexpr std::size_t longest_id = 1024;

result<rapidjson::Document> parse_content(std::string_view content) {
  constexpr std::string_view what = "the content";
  if (is_utf8(content)) return json::parse_object(content, what);
  return json::parse_object(as_utf8(std::string(content)), what);
}

/// A string that may have come with half of a surrogate pair, which RapidJSON lets pass.
std::string text_of(const json::value& v) {
  return as_utf8({v.GetString(), v.GetStringLength()});
}

std::optional<std::string> text_at(const json::value& v, std::string_view name) {
  const json::value* const member = json::find(v, name);
  if (member == nullptr || !member->IsString()) return std::nullopt;
  return text_of(*member);
}

/// nbformat's multiline string: a string, or an array of them to be joined.
std::optional<std::string> multiline_of(const json::value& v) {
  if (v.IsString()) return text_of(v);
  if (!v.IsArray()) return std::nullopt;
  std::string out;
  for (const auto& line : v.GetArray()) {
    if (!line.IsString()) return std::nullopt;
    out += text_of(line);
  }
  return out;
}

std::optional<std::string> id_at(const json::value& v, std::string_view name) {
  auto id = text_at(v, name);
  if (id && id->size() > longest_id) return std::nullopt;
  return id;
}

/// application/json and application/…+json, whose data may be any JSON. All other data is text.
bool is_json_type(std::string_view mime) {
  constexpr std::string_view prefix = "application/";
  if (!mime.starts_with(prefix)) return false;
  mime.remove_prefix(prefix.size());
  return mime == "json" || mime.ends_with("+json");
}

/// The data without what nbformat forbids.
std::string dump_data(const json::value& data) {
  std::string out = "{";
  for (const auto& [name, value] : data.GetObject()) {
    const std::string mime = text_of(name);
    std::optional<std::string> item;
    if (is_json_type(mime)) {
      item = as_utf8(json::dump(value));
    } else if (const auto text = multiline_of(value)) {
      item = json_quote(*text);
    }
    if (item) out += fmt::format("{}{}:{}", out.size() > 1 ? "," : "", json_quote(mime), *item);
  }
  return out + '}';
}

std::optional<std::string> read_bundle(const json::value& content) {
  const json::value* const data = json::find(content, "data");
  const json::value* const metadata = json::find(content, "metadata");
  if (data == nullptr || !data->IsObject()) return std::nullopt;
  if (metadata != nullptr && !metadata->IsObject()) return std::nullopt;
  return fmt::format(R"("data":{},"metadata":{})", dump_data(*data),
                     metadata == nullptr ? "{}" : as_utf8(json::dump(*metadata)));
}

std::optional<output> read_display(const json::value& content, std::string members) {
  auto bundle = read_bundle(content);
  if (!bundle) return std::nullopt;
  whole_output out{std::move(members), *std::move(bundle), {}};
  if (const json::value* const transient = json::find(content, "transient")) {
    out.display_id = text_at(*transient, "display_id").value_or("");
  }
  return out;
}

std::optional<output> read_result(const json::value& content) {
  const json::value* const count = json::find(content, "execution_count");
  if (count != nullptr && !count->IsUint64()) return std::nullopt;
  return read_display(content,
                      fmt::format(R"("output_type":"execute_result","execution_count":{})",
                                  count == nullptr ? "null" : std::to_string(count->GetUint64())));
}

std::optional<output> read_error(const json::value& content) {
  const auto name = text_at(content, "ename"), value = text_at(content, "evalue");
  const json::value* const traceback = json::find(content, "traceback");
  if (!name || !value || traceback == nullptr || !traceback->IsArray()) return std::nullopt;
  std::string lines;
  for (const auto& line : traceback->GetArray()) {
    if (!line.IsString()) return std::nullopt;
    lines += (lines.empty() ? "" : ",") + json_quote(text_of(line));
  }
  return whole_output{
      fmt::format(R"("output_type":"error","ename":{},"evalue":{},"traceback":[{}])",
                  json_quote(*name), json_quote(*value), lines),
      {},
      {}};
}

std::optional<output> read_stream(const json::value& content) {
  auto name = text_at(content, "name"), text = text_at(content, "text");
  if (!name || !text) return std::nullopt;
  return stream_piece{*std::move(name), *std::move(text)};
}

std::optional<output> read_any(std::string_view type, const json::value& content) {
  if (type == "stream") return read_stream(content);
  if (type == "display_data" || type == "update_display_data") {
    return read_display(content, R"("output_type":"display_data")");
  }
  if (type == "execute_result") return read_result(content);
  if (type == "error") return read_error(content);
  return std::nullopt;
}

/// An element of a widget's outputs: as in a notebook's file, where text may be in lines.
std::optional<output> read_element(const json::value& element) {
  const auto type = json::string_at(element, "output_type").value_or("");
  if (type == "update_display_data") return std::nullopt;
  if (type != "stream") return read_any(type, element);
  auto name = text_at(element, "name");
  const json::value* const text = json::find(element, "text");
  auto joined = text == nullptr ? std::nullopt : multiline_of(*text);
  if (!name || !joined) return std::nullopt;
  return stream_piece{*std::move(name), *std::move(joined)};
}

std::optional<widget_change> read_change(const json::value& content, const json::value& state) {
  auto comm_id = id_at(content, "comm_id");
  if (!comm_id) return std::nullopt;
  widget_change out{*std::move(comm_id), id_at(state, "msg_id"), {}};
  const json::value* const outputs = json::find(state, "outputs");
  if (outputs == nullptr || !outputs->IsArray()) return out;
  out.outputs.emplace();
  for (const auto& element : outputs->GetArray()) {
    if (auto one = read_element(element)) out.outputs->push_back(*std::move(one));
  }
  return out;
}

/// content.data.state, if there is one.
const json::value* state_of(const json::value& content) {
  const json::value* const data = json::find(content, "data");
  const json::value* const state = data == nullptr ? nullptr : json::find(*data, "state");
  return state != nullptr && state->IsObject() ? state : nullptr;
}

}  // namespace

std::optional<output> read_output(std::string_view msg_type, std::string_view content) {
  const auto document = parse_content(content);
  if (!document) return std::nullopt;
  return read_any(msg_type, *document);
}

std::optional<bool> read_clear_output(std::string_view content) {
  const auto document = parse_content(content);
  if (!document) return std::nullopt;
  const json::value* const wait = json::find(*document, "wait");
  if (wait == nullptr) return false;
  if (!wait->IsBool()) return std::nullopt;
  return wait->GetBool();
}

std::optional<widget_change> read_comm_open(std::string_view content) {
  const auto document = parse_content(content);
  if (!document || json::string_at(*document, "target_name") != "jupyter.widget") {
    return std::nullopt;
  }
  const json::value* const state = state_of(*document);
  if (state == nullptr || json::string_at(*state, "_model_name") != "OutputModel") {
    return std::nullopt;
  }
  return read_change(*document, *state);
}

std::optional<widget_change> read_comm_msg(std::string_view content) {
  const auto document = parse_content(content);
  if (!document) return std::nullopt;
  const json::value* const state = state_of(*document);
  if (state == nullptr || json::string_at(*json::find(*document, "data"), "method") != "update") {
    return std::nullopt;
  }
  return read_change(*document, *state);
}

std::optional<std::string> read_comm_close(std::string_view content) {
  const auto document = parse_content(content);
  if (!document) return std::nullopt;
  return id_at(*document, "comm_id");
}

}  // namespace kmux
