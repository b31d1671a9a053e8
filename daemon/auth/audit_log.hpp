#pragma once
// Who was let in and who was not, and who changed what: JSON lines in a file of their own.

#include <memory>
#include <string>
#include <string_view>

#include "daemon/http/message.hpp"
#include "protocol/error.hpp"

namespace spdlog {
class logger;
}

namespace kmux::daemon {

/// Append-only, 0600, bounded: when it has 64 MiB it becomes FILE.1, and so on up to FILE.3. A line
/// that cannot be written is told in kmuxd's own log. Never has a query in it, nor a body, nor
/// credentials. Loop thread only.
class audit_log {
public:
  /// Nothing is written by one without a file.
  audit_log() = default;
  static result<audit_log> open(const std::string& path);

  /// A request that was let in, with the status it was answered with.
  void allowed(const http_request&, int status);
  /// One that was not, and why.
  void refused(const http_request&, int status, std::string_view why);

private:
  void write(std::string_view event, const http_request&, int status, std::string_view why);

  std::shared_ptr<spdlog::logger> out_;
};

}  // namespace kmux::daemon
