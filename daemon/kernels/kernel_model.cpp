// What the REST API says of a kernel.
#include <fmt/format.h>

#include "daemon/clock.hpp"
#include "daemon/kernels/kernel.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

using supervise::kernel_fsm;

namespace {

std::string exit_model(const std::optional<exit_status>& exit, const std::string& stderr_tail) {
  if (!exit) return "null";
  return fmt::format(
      R"({{"cause": {}, "code": {}, "signal": {}, "detail": {}, "stderr_tail": {}}})",
      json_quote(to_string(exit->how)), exit->code, exit->signal, json_quote(describe(*exit)),
      json_quote(stderr_tail));
}

std::string doing_model(const process_doing& it, const std::string& more) {
  return fmt::format(R"({{"pid": {}, "state": {}, "wchan": {}, "syscall": {}, "stack": {}{}}})",
                     it.pid, json_quote(std::string(1, it.state)), json_quote(it.wchan),
                     json_quote(it.syscall), json_quote(it.stack), more);
}

/// What does not answer, and the kernel behind it.
std::string hung_model(const std::vector<process_doing>& hung) {
  if (hung.empty()) return "null";
  return doing_model(hung.front(),
                     hung.size() < 2 ? "" : R"(, "kernel": )" + doing_model(hung.back(), ""));
}

}  // namespace

std::string_view kernel::state_name() const noexcept {
  switch (fsm_.now()) {
    case kernel_fsm::state::dead:
      return "dead";
    case kernel_fsm::state::restarting:
      return "restarting";
    case kernel_fsm::state::stopping:
    case kernel_fsm::state::gone:
      return "terminating";
    case kernel_fsm::state::launching:
    case kernel_fsm::state::connecting:
      return "starting";
    case kernel_fsm::state::ready:
      break;
  }
  return activity_.state();
}

const char* kernel::journal_state() const noexcept {
  if (!keeps_journal()) return "off";
  return recording_ ? "recording" : "failing";
}

std::string kernel::model(std::string_view more) const {
  const std::string why = record_.last_exit ? describe(*record_.last_exit) : dead_why_;
  const std::string reason = fsm_.now() == kernel_fsm::state::dead && !why.empty()
                                 ? fmt::format(R"(, "reason": {})", json_quote(why))
                                 : "";
  return fmt::format(
      R"({{"id": {}, "name": {}, "last_activity": "{}", "execution_state": "{}", "connections": {}{}, )"
      R"("kmux": {{"owner": {}, "pid": {}, "seq": {}, "journal": "{}", "started": {}, "restarts": {}, "heartbeat": "{}", )"
      R"("pinned": {}, "cull": {}, "hung": {}, "exit": {}{}{}}}}})",
      json_quote(id()), json_quote(spec_name()), iso_time(activity_.last()), state_name(),
      connections(), reason, json_quote(owner()),
      process_ ? fmt::to_string(record_.process.pid) : "null", head_, journal_state(),
      json_quote(record_.created), fsm_.restarts(), supervise::to_string(heartbeat_.now()),
      record_.pinned, cull_model(), hung_model(hung_), exit_model(record_.last_exit, stderr_tail_),
      more.empty() ? "" : ", ", more);
}

resource_places kernel::resources() const {
  return {process_ ? record_.process : process_identity(),
          relayed_,
          record_.cgroup,
          {services_.directories.kernel_state(id()), services_.directories.kernel_runtime(id())}};
}

}  // namespace kmux::daemon
