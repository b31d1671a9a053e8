#pragma once
// What the service manager is told: sd_notify(3). Nothing happens where none listens.

#include <chrono>
#include <optional>
#include <string>

namespace kmux::daemon {

void notify_ready();
/// Until notify_ready(): the configuration is read again.
void notify_reloading();
void notify_stopping();
void notify_status(const std::string&);  ///< one line for people
void notify_alive();                     ///< to be said more often than watchdog_interval()

/// How often the service manager wants to hear notify_alive(); nullopt: it does not.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace kmux::daemon
