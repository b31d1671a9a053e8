#include "proc/process_identity.hpp"

#include <fstream>

#include "proc/process_table.hpp"

namespace kmux {

result<process_identity> identify(pid_t pid) {
  const auto found = read_process(pid);
  if (!found) return error{errc::not_found, "there is no process " + std::to_string(pid)};
  return process_identity{pid, found->start_ticks, current_boot_id()};
}

std::string current_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace kmux
