#pragma once
// The log as systemd's journal wants it: a line with fields that can be asked for.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <spdlog/sinks/sink.h>

namespace kmux::daemon {

/// NAME=VALUE each, for a line of our log (fields_of): of `event=kernel_ended kernel=ID cause="…"`
/// KMUX_EVENT and KMUX_KERNEL.
std::vector<std::string> journal_fields(std::string_view line);

/// Whether standard error is connected to the journal (JOURNAL_STREAM, systemd.exec(5)).
bool logs_to_journal();

/// `journalctl KMUX_KERNEL=ID` finds what it has logged of a kernel. One thread.
std::shared_ptr<spdlog::sinks::sink> make_journal_sink();

}  // namespace kmux::daemon
