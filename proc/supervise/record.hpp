#pragma once
// RUNTIME/kernels/ID/record.json: what the next daemon needs to know of a kernel.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proc/exit_status.hpp"
#include "proc/process_identity.hpp"
#include "protocol/kernelspec.hpp"

namespace kmux::supervise {

struct record {
  static constexpr int current_schema = 1;

  std::string id;
  std::string kernelspec;  ///< its name
  std::string owner;
  std::string user;                ///< whose the process is; empty: the daemon's own
  process_identity process;        ///< pid -1: none (dead, or not launched yet)
  std::string cgroup;              ///< empty: none of its own
  std::string wanted = "running";  ///< or "stopped": the daemon died while it was stopping it
  int restarts = 0;
  std::string created;        ///< ISO 8601
  std::uint64_t idle_ms = 0;  ///< what culling has counted so far
  std::uint64_t age_ms = 0;
  bool pinned = false;  ///< it is not culled
  std::optional<exit_status> last_exit;
  std::string path;  ///< the request's, as the client wrote it
  std::string cwd;
  environment env;                   ///< the request's overlay
  std::string socket_prefix;         ///< see choose_socket_prefix
  std::string kernel_socket_prefix;  ///< between a relay and its kernel; choose_short_socket_prefix
  std::string exit_file;

  friend bool operator==(const record&, const record&) = default;
};

std::string write_record(const record&);
/// Unknown members are ignored; a newer schema is refused. Errors name `file` and the member.
result<record> parse_record(std::string_view json, std::string_view file);

}  // namespace kmux::supervise
