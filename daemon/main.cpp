// kmuxd: flags, configuration, app, exit code.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "config/load.hpp"
#include "daemon/app.hpp"
#include "daemon/system/first_process.hpp"
#include "daemon/system/log.hpp"
#include "daemon/version.hpp"

namespace {

namespace config = kmux::config;

void report(const std::vector<config::problem>& problems) {
  for (const auto& each : problems) {
    fmt::print(stderr, "kmuxd: {}: {}: {}\n", each.origin, each.key, each.message);
  }
}

/// Returns where no upgrade was asked for, or where it failed.
int serve(const config::load_result& loaded, int argc, char** argv) {
  kmux::daemon::divide_if_first();
  kmux::daemon::set_up_log(loaded.value.log);
  auto handed = kmux::daemon::take_descriptors();
  const kmux::daemon::successor next(argc, argv);
  const auto reload = [=](const config::config& current,
                          kmux::daemon::event_stream& events) -> kmux::result<config::config> {
    const auto fresh = config::load(argc, argv, config::current_environment());
    auto problems = fresh.problems;
    if (problems.empty()) problems = config::check_reload(current, fresh.value);
    std::string said;
    for (const auto& each : problems) {
      said += fmt::format("{}: {}: {}. ", each.origin, each.key, each.message);
      using kmux::daemon::event_member;
      events.say("reload_refused",
                 {event_member::text("origin", each.origin),
                  {"key", each.key},
                  event_member::text("error", each.message)},
                 kmux::daemon::severity::error);
    }
    if (!said.empty()) return kmux::error{kmux::errc::bad_field, said};
    return fresh.value;
  };
  auto app = kmux::daemon::app::create(loaded.value, reload, next, std::move(handed));
  if (!app) {
    fmt::print(stderr, "kmuxd: {}\n", app.error().detail);
    return 1;
  }
  const int status = (*app)->run();
  auto handed_over = (*app)->take_handed_over();
  if (!handed_over) return status;
  app->reset();
  next.take_over(std::move(*handed_over));
  spdlog::critical("event=upgrade_failed program={} error=\"{}\"", next.program(),
                   std::strerror(errno));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto loaded = config::load(argc, argv, config::current_environment());
    using what = config::load_result::action;
    switch (loaded.what) {
      case what::help:
      case what::print:
        fmt::print("{}", loaded.text);
        return 0;
      case what::version:
        fmt::print("kmuxd {}\n", kmux::daemon::kmux_version);
        return 0;
      case what::usage_error:
        fmt::print(stderr, "{}", loaded.text);
        return 2;
      case what::check:
      case what::run:
        break;
    }
    report(loaded.problems);
    if (!loaded.problems.empty()) return 1;
    if (loaded.what == what::check) {
      fmt::print("The configuration is good.\n");
      return 0;
    }
    return serve(loaded, argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "kmuxd: {}\n", e.what());
    return 1;
  }
}
