#include "proc/supervise/summary.hpp"

#include <utility>

#include "proc/json_members.hpp"
#include "protocol/ids.hpp"

namespace kmux::supervise {
namespace {

constexpr std::pair<std::string_view, std::string summary::*> text_fields[] = {
    {"id", &summary::id},       {"kernelspec", &summary::kernelspec},
    {"owner", &summary::owner}, {"path", &summary::path},
    {"cwd", &summary::cwd},     {"created", &summary::created},
    {"ended", &summary::ended}, {"directory", &summary::directory},
};

bool must_be_there(std::string_view name) {
  return name == "id" || name == "kernelspec" || name == "owner";
}

}  // namespace

std::string write_summary(const summary& s) {
  rapidjson::StringBuffer buffer;
  json::writer out(buffer);
  out.StartObject();
  json::write(out, "schema");
  out.Int(summary::current_schema);
  for (const auto& [name, member] : text_fields)
    json::write(out, name, s.*member);
  json::write(out, "pid");
  out.Int(s.process.pid);
  json::write(out, "start_ticks");
  out.Uint64(s.process.start_ticks);
  json::write(out, "boot_id", s.process.boot_id);
  if (s.exit) {
    const std::string text = write_exit_status(*s.exit);
    json::write(out, "exit");
    out.RawValue(text.data(), text.size(), rapidjson::kObjectType);
  }
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

result<summary> parse_summary(std::string_view text, std::string_view file) {
  const auto document = json::parse_object(text, file);
  if (!document) return document.error();

  json_members members(*document, file);
  summary s;
  int schema = 0;
  members.read_number("schema", schema, json_members::required);
  if (members.ok() && (schema < 1 || schema > summary::current_schema)) {
    members.fail(errc::bad_field, "schema", "is not one that this version knows");
  }
  for (const auto& [name, member] : text_fields)
    members.read(name, s.*member, must_be_there(name));
  members.read_number("pid", s.process.pid);
  members.read_number("start_ticks", s.process.start_ticks);
  members.read("boot_id", s.process.boot_id);
  if (const json::value* last = json::find(*document, "exit")) {
    if (auto status = parse_exit_status(json::dump(*last))) {
      s.exit = std::move(*status);
    } else {
      members.fail(status.error().code, "exit", "(" + status.error().detail + ")");
    }
  }
  if (members.ok() && !is_valid_id(s.id)) members.fail(errc::bad_field, "id", "is no kernel id");
  if (members.ok() && s.process.pid != -1 && s.process.pid < 2) {
    members.fail(errc::bad_field, "pid", "is no process of ours");
  }
  if (!members.ok()) return members.first_error();
  return s;
}

}  // namespace kmux::supervise
