#include "proc/process_identity.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "proc/process_table.hpp"

namespace kmux {

result<process_identity> identify(pid_t pid) {
  errno = 0;
  const auto found = read_process(pid);
  const int why = errno;
  if (found) return process_identity{pid, found->start_ticks, current_boot_id()};
  // Whoever cannot look, for want of descriptors, must not take it for dead.
  if (why == 0 || errc_of(why) == errc::not_found) {
    return error{errc::not_found, "there is no process " + std::to_string(pid)};
  }
  return error{errc_of(why),
               "cannot look at process " + std::to_string(pid) + ": " + std::strerror(why)};
}

std::string current_boot_id() {
  // Read once: it does not change, and later there may be no descriptor for it.
  static const std::string boot = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
  }();
  return boot;
}

}  // namespace kmux
