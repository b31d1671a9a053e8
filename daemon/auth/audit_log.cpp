#include "daemon/auth/audit_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>

#include "daemon/clock.hpp"
#include "daemon/http/trace_context.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace {

constexpr std::size_t largest = 64 << 20;
constexpr std::size_t kept = 3;

}  // namespace

result<audit_log> audit_log::open(const std::string& path) {
  spdlog::file_event_handlers on;
  // Whatever the umask of whoever started us is; and no kernel inherits it.
  on.after_open = [](const spdlog::filename_t&, std::FILE* file) {
    ::fchmod(::fileno(file), 0600);
    ::fcntl(::fileno(file), F_SETFD, FD_CLOEXEC);
  };
  audit_log out;
  try {
    auto sink =
        std::make_shared<spdlog::sinks::rotating_file_sink_st>(path, largest, kept, false, on);
    out.out_ = std::make_shared<spdlog::logger>("audit", std::move(sink));
  } catch (const spdlog::spdlog_ex& e) {
    return error{errc::io, fmt::format("cannot write the audit log: {}", e.what())};
  }
  out.out_->set_pattern("%v");
  out.out_->flush_on(spdlog::level::info);
  out.out_->set_error_handler(
      [](const std::string& what) { spdlog::error("event=audit_failed error=\"{}\"", what); });
  return out;
}

void audit_log::allowed(const http_request& request, int status) {
  write("allowed", request, status, "");
}

void audit_log::refused(const http_request& request, int status, std::string_view why) {
  write("refused", request, status, why);
}

void audit_log::write(std::string_view event, const http_request& request, int status,
                      std::string_view why) {
  if (!out_) return;
  auto line = fmt::format(
      R"({{"time": "{}", "event": "{}", "owner": {}, "credentials": {}, "scopes": "{}", )"
      R"("address": {}, "method": {}, "path": {}, "status": {})",
      iso_now(), event, json_quote(request.who.owner), json_quote(request.who.credentials),
      to_string(request.who.scopes), json_quote(request.peer.address), json_quote(request.method),
      json_quote(request.path), status);
  if (const auto trace = trace_id_of(request.traceparent); !trace.empty())
    line += fmt::format(R"(, "trace": "{}")", trace);
  if (!why.empty()) line += ", \"reason\": " + json_quote(why);
  out_->info("{}", line + "}");
}

}  // namespace kmux::daemon
