#include "daemon/system/notify.hpp"

#include <cstdint>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace kmux::daemon {

namespace {

/// It may fail where the manager has gone; the next message finds out as well.
void say(const std::string& text) {
  ::sd_notify(0, text.c_str());
}

}  // namespace

void notify_ready() {
  say("READY=1");
}

void notify_reloading() {
  // steady_clock is CLOCK_MONOTONIC, by which systemd tells this reload from an earlier one.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  say(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                  std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

void notify_stopping() {
  say("STOPPING=1");
}

void notify_status(const std::string& status) {
  say("STATUS=" + status);
}

void notify_alive() {
  say("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds(microseconds);
}

}  // namespace kmux::daemon
