// What earlier daemons left: living kernels and dead ones.
#include <utility>

#include <spdlog/spdlog.h>

#include "daemon/kernels/kernel_manager.hpp"

namespace kmux::daemon {

std::optional<kernel_manager::found> kernel_manager::look_for(const std::string& id) const {
  const std::string file = services_.directories.record_file(id);
  auto text = supervise::read_file(file);
  auto record =
      text ? supervise::parse_record(*text, file) : result<supervise::record>(text.error());
  if (!record || record->id != id) {
    const auto moved = services_.directories.quarantine(id);
    spdlog::error("event=kernel_quarantined kernel={} error=\"{}\" moved_to={}", id,
                  record ? "the record names another kernel" : record.error().detail,
                  moved ? *moved : moved.error().detail);
    return std::nullopt;
  }
  found out;
  out.record = std::move(*record);
  if (out.record.process.pid <= 0) return out;
  auto taken = supervise::process::adopt(services_.io, out.record.process, out.record.exit_file);
  if (taken) {
    out.process = std::move(*taken);
  } else {
    out.ended = taken.error().code == errc::not_found;
  }
  return out;
}

void kernel_manager::adopt(found it) {
  const bool alive = it.process != nullptr;
  const auto pid = it.record.process.pid;
  const bool unwanted = it.record.wanted == "stopped";
  auto made = add(std::move(it.record));
  made->adopt(std::move(it.process));
  spdlog::info("event=kernel_{} kernel={} pid={}", alive ? "adopted" : "found_dead", made->id(),
               pid);
  // The daemon before us was asked to end it, and could not finish.
  if (unwanted) made->finish_stop();
}

void kernel_manager::adopt_all() {
  const auto ids = services_.directories.list_kernels();
  if (!ids) {
    spdlog::error("event=adoption_failed error=\"{}\"", ids.error().detail);
    return;
  }
  std::vector<found> all;
  std::vector<leftovers> left;
  for (const auto& id : *ids) {
    auto it = look_for(id);
    if (!it) continue;
    const auto& r = it->record;
    if (it->ended) {
      left.emplace_back(
          kernel_mark{r.process, id, services_.directories.kernel_runtime(id),
                      supervise::cgroups::is_of(r.cgroup, id) ? r.cgroup : std::string()});
    }
    all.push_back(std::move(*it));
  }
  // Before anything of theirs can be started again.
  end_leftovers(std::move(left));
  for (auto& each : all)
    adopt(std::move(each));
}

}  // namespace kmux::daemon
