#pragma once
// What a kernel was asked to execute, and what became of it, as its journal tells.

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/journal/requests_seen.hpp"
#include "proc/journal/record.hpp"
#include "protocol/header.hpp"

namespace kmux::daemon {

struct execution {
  std::string msg_id, session, username, cell_id;
  std::string code;               ///< where the journal keeps it
  std::string status = "queued";  ///< queued, running, ok, error, aborted; died with its process
  std::int64_t submitted = 0, started = 0, ended = 0;  ///< microseconds since 1970; 0: not yet
  std::int64_t execution_count = 0;                    ///< 0: none
  bool has_code = false;
};

/// As a JSON object; `owner` is the kernel's.
std::string to_json(const execution&, std::string_view owner);

/// Folds records, in order. Pure. Bounded: of more than `most` the oldest are forgotten.
class executions {
public:
  static constexpr std::size_t most = requests_seen<execution>::most;

  void add(const journal::record&);
  /// The process is gone: what has not ended never will.
  void process_ended();
  /// As a JSON array, the oldest first; `owner` is the kernel's.
  std::string json(std::string_view owner) const;
  const execution* find(const std::string& msg_id) const { return all_.find(msg_id); }

private:
  void asked(const journal::record&, const message_view&);
  void said(const journal::record&, const message_view&);

  requests_seen<execution> all_;
  header head_, parent_;
};

}  // namespace kmux::daemon
