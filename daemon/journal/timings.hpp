#pragma once
// How long each request waited and ran, as the journal tells.

#include <cstdint>
#include <string>

#include "daemon/journal/requests_seen.hpp"
#include "proc/journal/record.hpp"
#include "protocol/header.hpp"

namespace kmux::daemon {

/// Times are microseconds since 1970, of the clock of the kernel's host; 0: not yet, or not known.
struct timing {
  std::string msg_id, msg_type, session;
  std::uint64_t seq = 0;       ///< number of the last message about it
  std::int64_t submitted = 0;  ///< when the kernel's process took it; of execute requests only
  std::int64_t started = 0;    ///< busy
  std::int64_t ended = 0;      ///< its reply, or idle where that came first
};

/// Folds records, in order. Pure. Bounded: of more than `most` the oldest are forgotten.
class timings {
public:
  static constexpr std::size_t most = requests_seen<timing>::most;

  struct wanted {
    std::uint64_t after = 0;    ///< of these, something was said with a larger number
    std::uint64_t limit = 100;  ///< so many, the newest
    std::string type;           ///< only of this msg_type; empty: any
  };

  void add(const journal::record&);
  /// {"timings": [the oldest first], "summary": of all that is wanted, whatever the limit}
  std::string json(const wanted&) const;

private:
  requests_seen<timing> all_;
  header head_, parent_;
};

}  // namespace kmux::daemon
