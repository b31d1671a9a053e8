#pragma once
// What a kernel is doing, as told by its iopub messages: execution_state and last_activity.

#include <chrono>
#include <string>
#include <string_view>

#include "protocol/header.hpp"

namespace kmux::daemon {

/// Pure. jupyter_server's rules: a status counts if the request it belongs to does; asking for
/// kernel_info, comm_info and the like does not, except that it turns "starting" into "idle".
class activity {
public:
  using time_point = std::chrono::system_clock::time_point;

  explicit activity(time_point now) : last_(now) {}

  /// A new process: "starting" until it says otherwise.
  void starting(time_point now);
  /// A process of an earlier daemon: busy until it says otherwise, or answers on shell.
  void adopted();
  void connected();
  /// Shell answered our own question: nothing runs.
  void answered();

  /// `content` is looked at for status messages only.
  void on_iopub(const header& head, const header& parent, std::string_view content, time_point now);

  const std::string& state() const noexcept { return state_; }
  /// The state is a guess: a process of an earlier daemon has not spoken yet.
  bool presumed_busy() const noexcept { return presumed_busy_; }
  time_point last() const noexcept { return last_; }

private:
  std::string state_ = "starting";
  bool presumed_busy_ = false;
  time_point last_;
};

}  // namespace kmux::daemon
