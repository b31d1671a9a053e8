#include "proc/supervise/record.hpp"

#include <utility>

#include "proc/json_members.hpp"
#include "protocol/ids.hpp"

namespace kmux::supervise {
namespace {

constexpr std::pair<std::string_view, std::string record::*> text_fields[] = {
    {"id", &record::id},
    {"kernelspec", &record::kernelspec},
    {"owner", &record::owner},
    {"user", &record::user},
    {"cgroup", &record::cgroup},
    {"wanted", &record::wanted},
    {"created", &record::created},
    {"path", &record::path},
    {"cwd", &record::cwd},
    {"socket_prefix", &record::socket_prefix},
    {"kernel_socket_prefix", &record::kernel_socket_prefix},
    {"exit_file", &record::exit_file},
};

constexpr std::uint64_t longest_count = 1'000'000'000'000;  ///< milliseconds: 31 years

bool must_be_there(std::string_view name) {
  return name == "id" || name == "kernelspec" || name == "owner";
}

void check(const record& r, json_members& members) {
  if (!is_valid_id(r.id)) members.fail(errc::bad_field, "id", "is no kernel id");
  if (r.wanted != "running" && r.wanted != "stopped") {
    members.fail(errc::bad_field, "wanted", "must be running or stopped");
  }
  if (r.restarts < 0) members.fail(errc::bad_field, "restarts", "must not be negative");
  for (const auto& [name, counted] : {std::pair{"idle_ms", r.idle_ms}, {"age_ms", r.age_ms}}) {
    if (counted > longest_count) members.fail(errc::bad_field, name, "is out of range");
  }
  // pid 0 would mean our own group to kill(2), and 1 is the system's.
  if (r.process.pid != -1 && r.process.pid < 2) {
    members.fail(errc::bad_field, "pid", "is no process of ours");
  }
}

}  // namespace

std::string write_record(const record& r) {
  rapidjson::StringBuffer buffer;
  json::writer out(buffer);
  out.StartObject();
  json::write(out, "schema");
  out.Int(record::current_schema);
  for (const auto& [name, member] : text_fields)
    json::write(out, name, r.*member);
  json::write(out, "pid");
  out.Int(r.process.pid);
  json::write(out, "start_ticks");
  out.Uint64(r.process.start_ticks);
  json::write(out, "boot_id", r.process.boot_id);
  json::write(out, "restarts");
  out.Int(r.restarts);
  json::write(out, "idle_ms");
  out.Uint64(r.idle_ms);
  json::write(out, "age_ms");
  out.Uint64(r.age_ms);
  json::write(out, "pinned");
  out.Bool(r.pinned);
  json::write(out, "env", r.env);
  if (r.last_exit) {
    const std::string text = write_exit_status(*r.last_exit);
    json::write(out, "last_exit");
    out.RawValue(text.data(), text.size(), rapidjson::kObjectType);
  }
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

result<record> parse_record(std::string_view text, std::string_view file) {
  const auto document = json::parse_object(text, file);
  if (!document) return document.error();

  json_members members(*document, file);
  record r;
  int schema = 0;
  members.read_number("schema", schema, json_members::required);
  if (members.ok() && (schema < 1 || schema > record::current_schema)) {
    members.fail(errc::bad_field, "schema", "is not one that this version knows");
  }
  for (const auto& [name, member] : text_fields) {
    members.read(name, r.*member, must_be_there(name));
  }
  members.read_number("pid", r.process.pid);
  members.read_number("start_ticks", r.process.start_ticks);
  members.read("boot_id", r.process.boot_id);
  members.read_number("restarts", r.restarts);
  members.read_number("idle_ms", r.idle_ms);
  members.read_number("age_ms", r.age_ms);
  members.read("pinned", r.pinned);
  members.read("env", r.env);
  if (const json::value* last = json::find(*document, "last_exit")) {
    if (auto status = parse_exit_status(json::dump(*last))) {
      r.last_exit = std::move(*status);
    } else {
      members.fail(status.error().code, "last_exit", "(" + status.error().detail + ")");
    }
  }
  if (members.ok()) check(r, members);
  if (!members.ok()) return members.first_error();
  return r;
}

}  // namespace kmux::supervise
