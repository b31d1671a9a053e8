#include "proc/json_members.hpp"

namespace kmux {
namespace {

std::string_view text_of(const json::value& v) {
  return {v.GetString(), v.GetStringLength()};
}

bool is_text(const json::value& v) {
  return v.IsString() && text_of(v).find('\0') == std::string_view::npos;
}

}  // namespace

void json_members::fail(errc code, std::string_view name, std::string_view problem) {
  if (!ok()) return;
  first_ = {code, std::string(what_) + ": " + std::string(name) + " " + std::string(problem)};
}

const json::value* json_members::member(std::string_view name, bool must) {
  const json::value* found = json::find(object_, name);
  if (found == nullptr && must) fail(errc::missing_field, name, "is missing");
  return found;
}

void json_members::read(std::string_view name, std::string& to, bool must) {
  const json::value* v = member(name, must);
  if (v == nullptr) return;
  if (!is_text(*v)) return fail(errc::bad_field, name, "must be a string without zero bytes");
  to = text_of(*v);
}

void json_members::read(std::string_view name, bool& to) {
  const json::value* v = member(name, false);
  if (v == nullptr) return;
  if (!v->IsBool()) return fail(errc::bad_field, name, "must be true or false");
  to = v->GetBool();
}

void json_members::read(std::string_view name, std::vector<std::string>& to) {
  const json::value* v = member(name, false);
  if (v == nullptr) return;
  if (!v->IsArray()) return fail(errc::bad_field, name, "must be an array of strings");
  std::vector<std::string> all;
  all.reserve(v->Size());
  for (const json::value& item : v->GetArray()) {
    if (!is_text(item)) return fail(errc::bad_field, name, "must be an array of strings");
    all.emplace_back(text_of(item));
  }
  to = std::move(all);
}

void json_members::read(std::string_view name, environment& to) {
  const json::value* v = member(name, false);
  if (v == nullptr) return;
  if (!v->IsObject()) return fail(errc::bad_field, name, "must be an object of strings");
  environment all;
  for (const auto& item : v->GetObject()) {
    if (!is_text(item.name) || !is_text(item.value) || item.name.GetStringLength() == 0 ||
        text_of(item.name).find('=') != std::string_view::npos) {
      return fail(errc::bad_field, name, "must be an object of strings, with names without '='");
    }
    all.insert_or_assign(std::string(text_of(item.name)), std::string(text_of(item.value)));
  }
  to = std::move(all);
}

bool json_members::number(std::string_view name, bool must, std::uint64_t& magnitude,
                          bool& negative) {
  const json::value* v = member(name, must);
  if (v == nullptr) return false;
  if (v->IsUint64()) {
    magnitude = v->GetUint64();
    return true;
  }
  // INT64_MIN has no positive counterpart, and no member needs it.
  if (v->IsInt64() && v->GetInt64() != std::numeric_limits<std::int64_t>::min()) {
    magnitude = static_cast<std::uint64_t>(-v->GetInt64());
    negative = true;
    return true;
  }
  fail(errc::bad_field, name, "must be a whole number");
  return false;
}

namespace json {

void write(writer& out, std::string_view text) {
  out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void write(writer& out, std::string_view name, std::string_view text) {
  write(out, name);
  write(out, text);
}

void write(writer& out, std::string_view name, const environment& env) {
  write(out, name);
  out.StartObject();
  for (const auto& [key, text] : env)
    write(out, key, text);
  out.EndObject();
}

void write(writer& out, std::string_view name, const std::vector<std::string>& all) {
  write(out, name);
  out.StartArray();
  for (const std::string& text : all)
    write(out, text);
  out.EndArray();
}

}  // namespace json
}  // namespace kmux
