#pragma once
// Whether outputs are what nbformat 4's schema demands of them.

#include <string>
#include <string_view>

#include "protocol/json_document.hpp"

namespace kmux {

/// Outputs are nested a little deeper than the messages that they come from may be.
inline constexpr int deepest_outputs = 210;

inline bool has_string(const json::value& v, std::string_view name) {
  return json::string_at(v, name).has_value();
}

inline bool is_valid_bundle(const json::value& v) {
  const auto* const data = json::find(v, "data");
  const auto* const metadata = json::find(v, "metadata");
  if (data == nullptr || !data->IsObject() || metadata == nullptr || !metadata->IsObject()) {
    return false;
  }
  for (const auto& [name, value] : data->GetObject()) {
    const std::string mime(name.GetString(), name.GetStringLength());
    const bool any =
        mime.starts_with("application/") && (mime.ends_with("/json") || mime.ends_with("+json"));
    if (!any && !value.IsString()) return false;
  }
  return true;
}

/// One output: the members that its type has, and no others.
inline bool is_valid_output(const json::value& v) {
  const auto type = json::string_at(v, "output_type").value_or("");
  if (type == "stream") {
    return v.MemberCount() == 3 && has_string(v, "name") && has_string(v, "text");
  }
  if (type == "error") {
    const auto* const traceback = json::find(v, "traceback");
    if (traceback == nullptr || !traceback->IsArray()) return false;
    for (const auto& line : traceback->GetArray()) {
      if (!line.IsString()) return false;
    }
    return v.MemberCount() == 4 && has_string(v, "ename") && has_string(v, "evalue");
  }
  if (type == "display_data") return v.MemberCount() == 3 && is_valid_bundle(v);
  if (type != "execute_result" || v.MemberCount() != 4 || !is_valid_bundle(v)) return false;
  const auto count = v.FindMember("execution_count");
  return count != v.MemberEnd() && (count->value.IsNull() || count->value.IsUint64());
}

inline bool are_valid_outputs(const json::value& v) {
  if (!v.IsArray()) return false;
  for (const auto& each : v.GetArray()) {
    if (!is_valid_output(each)) return false;
  }
  return true;
}

/// What cell_outputs::json says.
inline bool are_valid_outputs(std::string_view text) {
  const auto document = json::parse(text, "outputs", deepest_outputs);
  return document && are_valid_outputs(*document);
}

/// What cell_outputs::widget_areas_json says.
inline bool are_valid_areas(std::string_view text) {
  const auto document = json::parse(text, "areas", deepest_outputs);
  if (!document || !document->IsObject()) return false;
  for (const auto& [comm_id, outputs] : document->GetObject()) {
    if (!are_valid_outputs(outputs)) return false;
  }
  return true;
}

}  // namespace kmux
