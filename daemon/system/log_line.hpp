#pragma once
// A line of kmuxd's log: "event=NAME key=value key=\"what others have said\"". Pure.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kmux::daemon {

/// Its names and values. Each name counts where it stands first, and nothing after a quotation mark
/// does: what others have said may stand there, and it must not pass for a field.
std::vector<std::pair<std::string_view, std::string_view>> fields_of(std::string_view line);

/// What it is about, one of config::log_subjects.
std::string_view subject_of(std::string_view line);

/// As it is written: on one line, whatever others have said, and with trace=ID after its event
/// where there is a trace.
std::string finish_line(std::string_view line, std::string_view trace);

/// As a JSON object: `time` (ISO 8601), `level`, its fields, and all of it as `message`.
std::string json_line(std::string_view line, std::string_view level, std::string_view time);

}  // namespace kmux::daemon
