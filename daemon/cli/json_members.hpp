#pragma once
// Members of JSON for people: what is not there is empty. For .cpp files only.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/json_document.hpp"

namespace kmux::cli {

inline std::string text_at(const json::value& v, std::string_view name) {
  const auto text = json::string_at(v, name);
  return text ? std::string(*text) : std::string();
}

/// -1 where it is no whole number.
inline std::int64_t integer_at(const json::value& v, std::string_view name) {
  const auto* const number = json::find(v, name);
  return number != nullptr && number->IsInt64() ? number->GetInt64() : -1;
}

/// An empty object where it is none.
inline const json::value& object_at(const json::value& v, std::string_view name) {
  static const json::value none(rapidjson::kObjectType);
  const auto* const found = json::find(v, name);
  return found != nullptr && found->IsObject() ? *found : none;
}

}  // namespace kmux::cli
