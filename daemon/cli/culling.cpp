#include "daemon/cli/culling.hpp"

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "daemon/cli/kernels.hpp"
#include "daemon/cli/table.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

/// What kmuxd itself will end, by its configuration.
exit_code show_own(const std::vector<kernel_view>& kernels) {
  table_rows rows = {{"ID", "SPEC", "OWNER", "STATE", "IN", "BECAUSE"}};
  for (const auto& each : kernels) {
    const auto model = json::parse_object(each.model, "the kernel");
    const auto& due = object_at(object_at(*model, "kmux"), "cull");
    const auto seconds = integer_at(due, "seconds");
    if (seconds < 0) continue;
    rows.push_back({each.id.substr(0, 8), each.spec, each.owner, each.state,
                    show_age(static_cast<double>(seconds)), text_at(due, "reason")});
  }
  fmt::print("{}", as_table(rows));
  return exit_code::done;
}

bool matches(const session& s, const kernel_view& k) {
  return (!s.has("owner") || s.value("owner") == k.owner) &&
         (!s.has("spec") || s.value("spec") == k.spec);
}

}  // namespace

exit_code cull(session& s) {
  const auto idle = duration_flag(s, "idle", 0ms);
  if (!idle) return idle.error();
  const bool dry = s.has("dry-run");
  if (!s.has("idle") && !dry) {
    return explain({exit_code::usage, "For how long must nobody have used them? --idle TIME.",
                    "kmux cull --idle 8h --dry-run"});
  }
  const auto list = list_kernels(s);
  if (!list) return explain(list.error());
  std::vector<kernel_view> wanted;
  for (const auto& each : list->all) {
    if (!matches(s, each)) continue;
    const bool unused =
        (each.state == "idle" || each.state == "dead") && each.connections == 0 && !each.pinned &&
        seconds_since(each.last_activity) >= std::chrono::duration<double>(*idle).count();
    if (!s.has("idle") || unused) wanted.push_back(each);
  }
  if (!s.has("idle")) return show_own(wanted);
  table_rows rows = {{"ID", "SPEC", "OWNER", "STATE", "IDLE"}};
  for (const auto& each : wanted) {
    rows.push_back({each.id.substr(0, 8), each.spec, each.owner, each.state,
                    show_age(seconds_since(each.last_activity))});
  }
  fmt::print("{}", as_table(rows));
  if (dry || wanted.empty()) return exit_code::done;
  if (!may(s, fmt::format("Ends these {} kernels, and what they hold in memory", wanted.size()))) {
    return exit_code::refused;
  }
  auto out = exit_code::done;
  for (const auto& each : wanted) {
    const auto got = ask(s, "DELETE", "api/kernels/" + each.id);
    if (!got && out == exit_code::done) out = got.error();
  }
  return out;
}

}  // namespace kmux::cli
