#include "daemon/cli/starting.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "daemon/cli/waiting.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

namespace {

/// kmuxd would take another one in silence, as notebooks' servers do.
outcome<std::string> directory_of(const session& s, const std::string& cwd) {
  namespace fs = std::filesystem;
  if (!s.daemon.where().local()) {
    if (cwd.starts_with('/')) return cwd;
    return failure{exit_code::usage,
                   fmt::format("\"{}\" is not a whole path, and that kmuxd is elsewhere.", cwd),
                   "--cwd /DIRECTORY"};
  }
  std::error_code ec;
  const auto whole = fs::absolute(cwd, ec).lexically_normal();
  if (!ec && fs::is_directory(whole, ec)) return whole.string();
  return failure{exit_code::usage, fmt::format("There is no directory {}.", whole.string()),
                 "another --cwd"};
}

outcome<std::string> environment_of(const session& s, const start_request& r) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", json_quote(name), json_quote(value));
  };
  for (const auto& each : r.env) {
    const auto equals = each.find('=');
    if (equals == std::string::npos || equals == 0) {
      return failure{exit_code::usage, fmt::format("\"{}\" is not NAME=VALUE.", each),
                     "kmux start --help"};
    }
    add(each.substr(0, equals), each.substr(equals + 1));
  }
  if (!r.cwd.empty()) {
    const auto directory = directory_of(s, r.cwd);
    if (!directory) return directory.error();
    add("KERNEL_WORKING_DIR", *directory);
  }
  return "{" + out + "}";
}

failure refused(const answer& got) {
  switch (got.status) {
    case 404:
      return {exit_code::not_found, got.message(), "kmux specs"};
    case 403:
    case 409:
    case 503:
      return {exit_code::refused, got.message(), "kmux status; kmux ps"};
    default:
      return {exit_code::failed, got.message(), "kmux specs; kmux doctor"};
  }
}

}  // namespace

outcome<kernel_view> start_kernel(const session& s, const start_request& r) {
  const auto env = environment_of(s, r);
  if (!env) return env.error();
  const std::string kernel = fmt::format(R"({{"name": {}, "env": {}}})", json_quote(r.spec), *env);
  const auto got =
      r.name.empty()
          ? s.daemon.ask("POST", "api/kernels", kernel)
          : s.daemon.ask(
                "POST", "api/sessions",
                fmt::format(R"({{"path": {0}, "name": {0}, "type": "console", "kernel": {1}}})",
                            json_quote(r.name), kernel));
  if (!got) return got.error();
  if (!got->ok()) return refused(*got);
  if (r.name.empty()) return kernel_from_model(got->body);
  const auto session_model = json::parse_object(got->body, "the session");
  if (!session_model) return failure_of(session_model.error());
  return kernel_from_model(json::dump(object_at(*session_model, "kernel")));
}

outcome<kernel_view> wait_until_up(const session& s, const std::string& id,
                                   std::chrono::milliseconds most) {
  auto now = wait_for_kernel(
      s, id, id.substr(0, 8) + " is started", most,
      [](const kernel_view& k) { return k.state != "starting" && k.state != "restarting"; });
  if (now && (now->state == "dead" || now->state == "gone")) {
    return failure{exit_code::failed,
                   fmt::format("The kernel {} is {}: {}.", id, now->state, now->reason),
                   fmt::format("kmux describe {0}; kmux logs {0}", id.substr(0, 8))};
  }
  return now;
}

}  // namespace kmux::cli
