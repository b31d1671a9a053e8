#include "proc/exit_status.hpp"

#include <string.h>

#include "proc/json_members.hpp"

namespace kmux {
namespace {

constexpr exit_status::cause all_causes[] = {
    exit_status::cause::unknown, exit_status::cause::exited, exit_status::cause::signaled,
    exit_status::cause::out_of_memory, exit_status::cause::launch_failed};

constexpr std::size_t max_detail = 4096;

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal);
}

/// What was passed, where a signal says so.
std::string limit_of(int signal) {
  if (signal == SIGXCPU) return ": its processor time is used up (kernels.limit_cpu)";
  if (signal == SIGXFSZ) return ": a file of it became too large (kernels.limit_file_size)";
  return {};
}

}  // namespace

std::string_view to_string(exit_status::cause cause) noexcept {
  switch (cause) {
    case exit_status::cause::exited:
      return "exited";
    case exit_status::cause::signaled:
      return "signaled";
    case exit_status::cause::out_of_memory:
      return "out_of_memory";
    case exit_status::cause::launch_failed:
      return "launch_failed";
    case exit_status::cause::unknown:
      break;
  }
  return "unknown";
}

exit_status exit_status_from(const siginfo_t& info) noexcept {
  exit_status status;
  if (info.si_code == CLD_EXITED) {
    status.how = exit_status::cause::exited;
    status.code = info.si_status;
  } else if (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) {
    status.how = exit_status::cause::signaled;
    status.signal = info.si_status;
  }
  return status;
}

std::string describe(const exit_status& status) {
  switch (status.how) {
    case exit_status::cause::exited:
      return "exited with code " + std::to_string(status.code);
    case exit_status::cause::signaled:
      return "killed by " + signal_name(status.signal) + limit_of(status.signal);
    case exit_status::cause::out_of_memory:
      if (!status.detail.empty()) return "killed: out of memory (limit " + status.detail + ")";
      return "out of memory (" + signal_name(status.signal) + ")";
    case exit_status::cause::launch_failed:
      return status.detail.empty() ? "could not be started"
                                   : "could not be started: " + status.detail;
    case exit_status::cause::unknown:
      break;
  }
  return "ended for an unknown reason";
}

std::string write_exit_status(const exit_status& status) {
  rapidjson::StringBuffer buffer;
  json::writer out(buffer);
  out.StartObject();
  json::write(out, "cause", to_string(status.how));
  json::write(out, "code");
  out.Int(status.code);
  json::write(out, "signal");
  out.Int(status.signal);
  json::write(out, "detail", status.detail);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

result<exit_status> parse_exit_status(std::string_view text) {
  const auto document = json::parse_object(text, "the exit status");
  if (!document) return document.error();

  json_members members(*document, "the exit status");
  exit_status status;
  std::string cause;
  members.read("cause", cause, json_members::required);
  members.read_number("code", status.code);
  members.read_number("signal", status.signal);
  members.read("detail", status.detail);
  bool known = false;
  for (const exit_status::cause candidate : all_causes) {
    if (cause != to_string(candidate)) continue;
    status.how = candidate;
    known = true;
  }
  if (!known) members.fail(errc::bad_field, "cause", "is none that we know");
  if (status.code < 0 || status.code > 255) members.fail(errc::bad_field, "code", "is not 0–255");
  if (status.signal < 0 || status.signal >= NSIG) {
    members.fail(errc::bad_field, "signal", "is no signal");
  }
  if (status.detail.size() > max_detail) members.fail(errc::too_large, "detail", "is too long");
  if (!members.ok()) return members.first_error();
  return status;
}

}  // namespace kmux
