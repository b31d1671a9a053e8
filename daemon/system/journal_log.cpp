#include "daemon/system/journal_log.hpp"

#include <cctype>
#include <cstdlib>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <systemd/sd-journal.h>

#include "daemon/system/log_line.hpp"

namespace kmux::daemon {

namespace {

/// sd-daemon(3).
int priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical:
      return 2;
    case spdlog::level::err:
      return 3;
    case spdlog::level::warn:
      return 4;
    case spdlog::level::info:
      return 6;
    default:
      return 7;
  }
}

class journal_sink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view line(message.payload.data(), message.payload.size());
    auto fields = journal_fields(line);
    fields.push_back(fmt::format("MESSAGE={}", line));
    fields.push_back(fmt::format("PRIORITY={}", priority_of(message.level)));
    fields.emplace_back("SYSLOG_IDENTIFIER=kmuxd");
    std::vector<iovec> pieces;
    for (auto& each : fields)
      pieces.push_back({each.data(), each.size()});
    // A journal that is not there is nothing that could be logged.
    (void)::sd_journal_sendv(pieces.data(), static_cast<int>(pieces.size()));
  }
  void flush_() override {}
};

}  // namespace

std::vector<std::string> journal_fields(std::string_view line) {
  std::vector<std::string> out;
  for (const auto& [name, value] : fields_of(line)) {
    std::string field = "KMUX_";
    for (const unsigned char c : name)
      field += static_cast<char>(std::toupper(c));
    out.push_back(field + "=" + std::string(value));
  }
  return out;
}

bool logs_to_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat about {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &about) == 0 &&
         stream == fmt::format("{}:{}", about.st_dev, about.st_ino);
}

std::shared_ptr<spdlog::sinks::sink> make_journal_sink() {
  return std::make_shared<journal_sink>();
}

}  // namespace kmux::daemon
