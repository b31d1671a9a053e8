#include "daemon/kernels/activity.hpp"

#include <algorithm>
#include <array>

namespace kmux::daemon {

namespace {

/// Requests which are no activity of a person.
constexpr std::array<std::string_view, 8> untracked_requests = {
    "comm_info_request", "kernel_info_request", "shutdown_request", "interrupt_request",
    "debug_request",     "input_request",       "usage_request",    ""};

bool is_tracked(std::string_view request) {
  return std::find(untracked_requests.begin(), untracked_requests.end(), request) ==
         untracked_requests.end();
}

}  // namespace

void activity::starting(time_point now) {
  state_ = "starting";
  presumed_busy_ = false;
  last_ = now;
}

void activity::adopted() {
  state_ = "busy";
  presumed_busy_ = true;
}

void activity::connected() {
  if (state_ == "starting") state_ = "idle";
}

void activity::answered() {
  if (presumed_busy_) state_ = "idle";
  presumed_busy_ = false;
}

void activity::on_iopub(const header& head, const header& parent, std::string_view content,
                        time_point now) {
  if (head.msg_type != "status") {
    if (state_ == "busy" || is_tracked(parent.msg_type)) last_ = now;
    return;
  }
  const bool tracked = is_tracked(parent.msg_type);
  if (tracked) last_ = now;
  if (!tracked && state_ != "starting") return;
  auto said = peek_execution_state(content);
  if (said != "busy" && said != "idle") return;
  if (!tracked && said == "busy") return;
  state_ = std::move(said);
  presumed_busy_ = false;
}

}  // namespace kmux::daemon
