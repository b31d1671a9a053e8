#pragma once
// What has happened, as lines of JSON: from kmuxd, or from its files where it does not run.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/cli/command.hpp"

namespace kmux::cli {

struct event_query {
  std::string kernel, types;  ///< an id; names with commas between. Empty: any
  std::optional<std::uint64_t> after, newest;
  bool follow = false;
};

/// Each line goes to `take` until that returns false. Says on stderr where kmuxd does not answer
/// and its files are read instead.
outcome<void> each_event(const session&, const event_query&,
                         const std::function<bool(std::string_view)>& take);

exit_code events(session&);

/// "  12  2026-…  kernel_ended  3f2a…  ann  cause=…"; the line itself where it is no event.
std::string show_event(std::string_view line);

}  // namespace kmux::cli
