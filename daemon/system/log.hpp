#pragma once
// kmuxd's log: where it goes, what is in it, and which request has caused a line.

#include <string_view>

#include "config/config.hpp"

namespace kmux::daemon {

/// To the journal where standard error leads there, else to standard error. Once, at start.
void set_up_log(const config::log_config&);
/// log.level and log.levels anew. Loop thread only.
void set_log_levels(const config::log_config&);

/// What this thread logs while there is one belongs to that trace (W3C; empty: none). Not across a
/// co_await, where others have their turn.
class trace_scope {
public:
  explicit trace_scope(std::string_view trace_id) noexcept;
  ~trace_scope();
  trace_scope(const trace_scope&) = delete;
  trace_scope& operator=(const trace_scope&) = delete;

private:
  std::string_view before_;
};

}  // namespace kmux::daemon
