#include "daemon/system/log.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "config/log_level.hpp"
#include "daemon/system/journal_log.hpp"
#include "daemon/system/log_line.hpp"
#include "protocol/requests.hpp"

namespace kmux::daemon {

namespace {

thread_local std::string_view current_trace;

class json_formatter : public spdlog::formatter {
public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    using std::chrono::microseconds;
    const auto at = std::chrono::floor<microseconds>(message.time).time_since_epoch().count();
    const auto level = spdlog::level::to_string_view(message.level);
    const auto line = json_line({message.payload.data(), message.payload.size()},
                                {level.data(), level.size()}, iso_date(at));
    out.append(line.data(), line.data() + line.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<json_formatter>();
  }
};

/// Drops lines by their subject, and finishes the others.
class subject_logger : public spdlog::logger {
public:
  using logger::logger;

  void set(const config::log_config& config) {
    usual_ = spdlog::level::from_str(config.level);
    levels_.clear();
    auto least = usual_;
    for (const auto& each : config.levels) {
      const auto parsed = config::parse_subject_level(each);
      if (!parsed) continue;  // the configuration's check has refused it
      const auto level = spdlog::level::from_str(parsed->level);
      levels_[parsed->subject] = level;
      least = std::min(least, level);
    }
    set_level(least);
  }

protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view line(message.payload.data(), message.payload.size());
    const auto found = levels_.find(subject_of(line));
    if (message.level < (found == levels_.end() ? usual_ : found->second)) return;
    const std::string finished = finish_line(line, current_trace);
    auto same = message;
    same.payload = finished;
    logger::sink_it_(same);
  }

private:
  spdlog::level::level_enum usual_ = spdlog::level::info;
  std::map<std::string, spdlog::level::level_enum, std::less<>> levels_;
};

}  // namespace

void set_up_log(const config::log_config& config) {
  const bool to_journal = logs_to_journal();
  spdlog::sink_ptr sink =
      to_journal ? make_journal_sink() : std::make_shared<spdlog::sinks::stderr_sink_st>();
  auto logger = std::make_shared<subject_logger>("kmuxd", std::move(sink));
  if (config.format == "json" && !to_journal) {
    logger->set_formatter(std::make_unique<json_formatter>());
  } else {
    logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
  }
  logger->set(config);
  spdlog::set_default_logger(std::move(logger));
}

void set_log_levels(const config::log_config& config) {
  // Tests have a logger of their own.
  auto* const ours = dynamic_cast<subject_logger*>(spdlog::default_logger_raw());
  if (ours != nullptr) return ours->set(config);
  spdlog::set_level(spdlog::level::from_str(config.level));
}

trace_scope::trace_scope(std::string_view trace_id) noexcept : before_(current_trace) {
  current_trace = trace_id;
}

trace_scope::~trace_scope() {
  current_trace = before_;
}

}  // namespace kmux::daemon
