#include "proc/spawn_message.hpp"

#include <csignal>

#include "proc/json_members.hpp"
#include "protocol/ids.hpp"

namespace kmux {
namespace {

using kind = spawn_request::kind;

constexpr std::pair<std::string_view, kind> kinds[] = {
    {"start", kind::start}, {"signal", kind::signal}, {"end", kind::end}, {"remove", kind::remove}};

constexpr std::pair<std::string_view, std::string spawn_request::*> text_fields[] = {
    {"user", &spawn_request::user},           {"kernel_id", &spawn_request::kernel_id},
    {"stdio_log", &spawn_request::stdio_log}, {"spec_dir", &spawn_request::spec_dir},
    {"directory", &spawn_request::directory},
};

constexpr std::pair<std::string_view, errc> codes[] = {
    {"ok", errc::ok}, {"not_found", errc::not_found}, {"refused", errc::refused}, {"io", errc::io}};

constexpr std::size_t most_noted = 2000;

std::string_view name_of(errc code) {
  for (const auto& [name, each] : codes) {
    if (code == each) return name;
  }
  return "io";
}

void write(json::writer& out, const process_identity& it) {
  json::write(out, "pid");
  out.Int(it.pid);
  json::write(out, "start_ticks");
  out.Uint64(it.start_ticks);
  json::write(out, "boot_id", it.boot_id);
}

void read(json_members& members, process_identity& it) {
  members.read_number("pid", it.pid);
  members.read_number("start_ticks", it.start_ticks);
  members.read("boot_id", it.boot_id);
  if (it.pid != -1 && it.pid < 2) members.fail(errc::bad_field, "pid", "is no process of ours");
}

void read_noted(const json::value& object, json_members& members, spawn_request& r) {
  const json::value* const found = json::find(object, "noted");
  if (found == nullptr) return;
  const auto wrong = [&] { members.fail(errc::bad_field, "noted", "must be pairs of numbers"); };
  if (!found->IsArray() || found->Size() > most_noted) return wrong();
  for (const json::value& each : found->GetArray()) {
    if (!each.IsArray() || each.Size() != 2 || !each[0].IsInt() || !each[1].IsUint64()) {
      return wrong();
    }
    r.noted.emplace_back(each[0].GetInt(), each[1].GetUint64());
  }
}

void check(const spawn_request& r, json_members& members) {
  for (const auto& [name, path] : {std::pair{"stdio_log", &r.stdio_log},
                                   {"spec_dir", &r.spec_dir},
                                   {"directory", &r.directory}}) {
    if (!path->empty() && path->front() != '/') {
      members.fail(errc::bad_field, name, "must be an absolute path");
    }
  }
  if (r.user.empty()) members.fail(errc::missing_field, "user", "is empty");
  if (r.what == kind::signal && (r.signal < 1 || r.signal >= NSIG)) {
    members.fail(errc::bad_field, "signal", "is none");
  }
  if (r.what != kind::signal && !is_valid_id(r.kernel_id)) {
    members.fail(errc::bad_field, "kernel_id", "is no kernel id");
  }
}

}  // namespace

std::string write_spawn_request(const spawn_request& r) {
  rapidjson::StringBuffer buffer;
  json::writer out(buffer);
  out.StartObject();
  json::write(out, "do", kinds[static_cast<std::size_t>(r.what)].first);
  for (const auto& [name, member] : text_fields)
    json::write(out, name, r.*member);
  json::write(out, "child", to_string(r.child));
  json::write(out, "env", r.env);
  for (const auto& [name, value] : {std::pair<std::string_view, std::uint64_t>{"memory", r.memory},
                                    {"processes", r.processes},
                                    {"cpus", r.cpus}}) {
    json::write(out, name);
    out.Uint64(value);
  }
  json::write(out, "signal");
  out.Int(r.signal);
  json::write(out, "group");
  out.Bool(r.group);
  write(out, r.leader);
  json::write(out, "noted");
  out.StartArray();
  for (std::size_t i = 0; i < r.noted.size() && i < most_noted; ++i) {
    out.StartArray();
    out.Int(r.noted[i].first);
    out.Uint64(r.noted[i].second);
    out.EndArray();
  }
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

result<spawn_request> parse_spawn_request(std::string_view text) {
  if (text.size() > max_spawn_message) return error{errc::too_large, "the request is too long"};
  const auto document = json::parse_object(text, "the request");
  if (!document) return document.error();

  json_members members(*document, "the request");
  spawn_request r;
  std::string what, child;
  members.read("do", what, json_members::required);
  bool known = false;
  for (const auto& [name, each] : kinds) {
    if (what != name) continue;
    r.what = each;
    known = true;
  }
  if (!known) members.fail(errc::bad_field, "do", "must be start, signal, end or remove");
  for (const auto& [name, member] : text_fields)
    members.read(name, r.*member);
  members.read("child", child, json_members::required);
  if (const auto type = parse_kind(child)) {
    r.child = *type;
  } else {
    members.fail(errc::bad_field, "child", "must be echo, relay or native");
  }
  members.read("env", r.env);
  members.read_number("memory", r.memory);
  members.read_number("processes", r.processes);
  members.read_number("cpus", r.cpus);
  members.read_number("signal", r.signal);
  members.read("group", r.group);
  read(members, r.leader);
  read_noted(*document, members, r);
  check(r, members);
  if (!members.ok()) return members.first_error();
  return r;
}

std::string write_spawn_answer(const spawn_answer& a) {
  rapidjson::StringBuffer buffer;
  json::writer out(buffer);
  out.StartObject();
  json::write(out, "code", name_of(a.code));
  json::write(out, "detail", a.detail);
  write(out, a.process);
  json::write(out, "cgroup", a.cgroup);
  if (a.exit) {
    const std::string status = write_exit_status(*a.exit);
    json::write(out, "exit");
    out.RawValue(status.data(), status.size(), rapidjson::kObjectType);
    json::write(out, "out_of_memory");
    out.Bool(a.out_of_memory);
  }
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

result<spawn_answer> parse_spawn_answer(std::string_view text) {
  if (text.size() > max_spawn_message) return error{errc::too_large, "the answer is too long"};
  const auto document = json::parse_object(text, "the answer");
  if (!document) return document.error();

  json_members members(*document, "the answer");
  spawn_answer a;
  std::string code;
  members.read("code", code, json_members::required);
  a.code = errc::io;
  for (const auto& [name, each] : codes) {
    if (code == name) a.code = each;
  }
  members.read("detail", a.detail);
  read(members, a.process);
  members.read("cgroup", a.cgroup);
  if (const json::value* const exit = json::find(*document, "exit")) {
    auto status = parse_exit_status(json::dump(*exit));
    if (!status) return status.error();
    a.exit = std::move(*status);
    members.read("out_of_memory", a.out_of_memory);
  }
  if (!members.ok()) return members.first_error();
  return a;
}

}  // namespace kmux
