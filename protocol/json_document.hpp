#pragma once
// For .cpp files only: a parsed document with accessors that do not assert.

#include <optional>
#include <string>
#include <string_view>

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "protocol/error.hpp"

namespace kmux::json {

using value = rapidjson::Value;
using writer = rapidjson::Writer<rapidjson::StringBuffer>;

/// Parses one JSON text, whole. `what` names it in the error's detail ("the request's body").
/// Nesting deeper than `max_depth` is errc::bad_json: a Document's destructor recurses.
result<rapidjson::Document> parse(std::string_view text, std::string_view what,
                                  int max_depth = 200);

/// The same, and it must be an object.
result<rapidjson::Document> parse_object(std::string_view text, std::string_view what);

/// Member `name` of object `v`, or nullptr (also when v is no object, or the member is null).
const value* find(const value& v, std::string_view name) noexcept;

/// The member as a string; nullopt when absent or of another type.
std::optional<std::string_view> string_at(const value& v, std::string_view name) noexcept;

/// The value as JSON text.
std::string dump(const value& v);

}  // namespace kmux::json
