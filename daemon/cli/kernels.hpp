#pragma once
// Which kernels there are: as kmuxd tells, or where it does not run, as its directories do.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/command.hpp"

namespace kmux::cli {

/// What people are shown of a kernel model. Numbers that nobody knows are -1.
struct kernel_view {
  std::string id, spec, owner, state, reason;
  std::string started, last_activity;  ///< RFC 3339
  std::string journal, heartbeat;
  std::int64_t connections = -1, restarts = -1, pid = -1, seq = -1;
  bool pinned = false;
  std::string model;  ///< the API's JSON
};

struct kernel_list {
  std::vector<kernel_view> all;
  bool live = true;  ///< kmuxd has told; else its directories
  std::string json;  ///< the API's array
};

/// From the API's JSON of one.
outcome<kernel_view> kernel_from_model(std::string_view model);

/// Says on stderr where kmuxd does not answer and its directories are read instead.
outcome<kernel_list> list_kernels(const session&);

/// The kernel that is meant by an id, the beginning of one, @last, or the name or the path of a
/// session. exit_code::not_found, or exit_code::usage where more than one is meant.
outcome<kernel_view> find_kernel(const session&, const std::string& word);
/// Of a list that is there already.
outcome<kernel_view> find_kernel(const session&, const kernel_list&, const std::string& word);

// What a kmuxd that does not run has left (kernel_files.cpp).

/// The API's array of models: `execution_state` is "dead", or "unknown" where the process lives.
result<std::string> models_from_files(const std::string& runtime_dir, const std::string& state_dir);
result<kernel_list> read_kernels(const std::string& runtime_dir, const std::string& state_dir);
std::string stdio_log_of(const session&, std::string_view id);
std::string journal_of(const session&, std::string_view id);

}  // namespace kmux::cli
