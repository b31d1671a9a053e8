#include "proc/launch_spec.hpp"

#include <utility>

#include "proc/json_members.hpp"

namespace kmux {
namespace {

using text_field = std::pair<std::string_view, std::string launch_spec::*>;

constexpr text_field text_fields[] = {
    {"kernel_id", &launch_spec::kernel_id},
    {"connection_file", &launch_spec::connection_file},
    {"cwd", &launch_spec::cwd},
    {"stdio_log", &launch_spec::stdio_log},
    {"exit_file", &launch_spec::exit_file},
    {"kernel_connection_file", &launch_spec::kernel_connection_file},
    {"kernel_transport", &launch_spec::kernel_transport},
    {"kernel_socket_prefix", &launch_spec::kernel_socket_prefix},
};

constexpr std::pair<std::string_view, std::uint64_t process_limits::*> limit_fields[] = {
    {"limit_memory", &process_limits::memory},
    {"limit_processes", &process_limits::processes},
    {"limit_cpu", &process_limits::cpu_seconds},
    {"limit_files", &process_limits::files},
    {"limit_file_size", &process_limits::file_size},
    {"limit_core", &process_limits::core},
};

constexpr int most_nice = 19;

constexpr std::size_t least_stdio_limit = 64 << 10;

void check(const launch_spec& spec, json_members& members) {
  for (const auto member :
       {&launch_spec::connection_file, &launch_spec::cwd, &launch_spec::stdio_log,
        &launch_spec::exit_file, &launch_spec::kernel_connection_file,
        &launch_spec::kernel_socket_prefix}) {
    if (const std::string& path = spec.*member; !path.empty() && path.front() != '/') {
      members.fail(errc::bad_field, path, "must be an absolute path");
    }
  }
  if (spec.stdio_limit < least_stdio_limit) {
    members.fail(errc::bad_field, "stdio_limit", "must be at least 65536");
  }
  if (spec.limits.nice < 0 || spec.limits.nice > most_nice) {
    members.fail(errc::bad_field, "nice", "must be from 0 to 19");
  }
  if (spec.type == launch_spec::kind::echo) return;
  if (spec.argv.empty() || spec.argv.front().empty()) {
    members.fail(errc::missing_field, "argv", "must name a program");
  }
  if (spec.kernel_transport != "ipc" && spec.kernel_transport != "tcp") {
    members.fail(errc::bad_field, "kernel_transport", "must be ipc or tcp");
  }
}

}  // namespace

std::string_view to_string(launch_spec::kind kind) noexcept {
  switch (kind) {
    case launch_spec::kind::echo:
      return "echo";
    case launch_spec::kind::native:
      return "native";
    case launch_spec::kind::relay:
      break;
  }
  return "relay";
}

std::optional<launch_spec::kind> parse_kind(std::string_view name) noexcept {
  for (const auto each :
       {launch_spec::kind::echo, launch_spec::kind::relay, launch_spec::kind::native}) {
    if (name == to_string(each)) return each;
  }
  return std::nullopt;
}

std::string write_launch_spec(const launch_spec& spec) {
  rapidjson::StringBuffer buffer;
  json::writer out(buffer);
  out.StartObject();
  json::write(out, "type", to_string(spec.type));
  for (const auto& [name, member] : text_fields)
    json::write(out, name, spec.*member);
  json::write(out, "stdio_limit");
  out.Uint64(spec.stdio_limit);
  for (const auto& [name, member] : limit_fields) {
    json::write(out, name);
    out.Uint64(spec.limits.*member);
  }
  json::write(out, "nice");
  out.Int(spec.limits.nice);
  json::write(out, "argv", spec.argv);
  json::write(out, "env", spec.env);
  json::write(out, "as_user");
  out.Bool(spec.as_user);
  json::write(out, "interrupt_by_message");
  out.Bool(spec.interrupt_by_message);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

result<launch_spec> parse_launch_spec(std::string_view text) {
  if (text.size() > max_launch_spec_size) {
    return error{errc::too_large, "the launch spec is longer than 1 MiB"};
  }
  const auto document = json::parse_object(text, "the launch spec");
  if (!document) return document.error();

  json_members members(*document, "the launch spec");
  launch_spec spec;
  std::string type;
  members.read("type", type, json_members::required);
  if (const auto known = parse_kind(type)) {
    spec.type = *known;
  } else {
    members.fail(errc::bad_field, "type", "must be echo, relay or native");
  }
  for (const auto& [name, member] : text_fields) {
    members.read(name, spec.*member, name == "kernel_id" || name == "connection_file");
  }
  members.read_number("stdio_limit", spec.stdio_limit);
  for (const auto& [name, member] : limit_fields)
    members.read_number(name, spec.limits.*member);
  members.read_number("nice", spec.limits.nice);
  members.read("argv", spec.argv);
  members.read("env", spec.env);
  members.read("as_user", spec.as_user);
  members.read("interrupt_by_message", spec.interrupt_by_message);
  check(spec, members);
  if (!members.ok()) return members.first_error();
  return spec;
}

}  // namespace kmux
