#pragma once
// STATE/kernels/ID/summary.json: what outlives the runtime directory, which may be in memory.

#include <optional>
#include <string>
#include <string_view>

#include "proc/exit_status.hpp"
#include "proc/process_identity.hpp"

namespace kmux::supervise {

/// Written when a process starts and when it ends. Without the request's environment: what is
/// secret there does not go to a disk.
struct summary {
  static constexpr int current_schema = 1;

  std::string id;
  std::string kernelspec;
  std::string owner;
  std::string path;
  std::string cwd;
  std::string created;       ///< ISO 8601
  std::string ended;         ///< empty: it runs, or nobody was there to see its end
  std::string directory;     ///< RUNTIME/kernels/ID as it was then
  process_identity process;  ///< the last one's, also after its end
  std::optional<exit_status> exit;

  friend bool operator==(const summary&, const summary&) = default;
};

std::string write_summary(const summary&);
/// Unknown members are ignored; a newer schema is refused. Errors name `file` and the member.
result<summary> parse_summary(std::string_view json, std::string_view file);

}  // namespace kmux::supervise
