#include "daemon/metrics/process_usage.hpp"

#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace kmux::daemon {

namespace {

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

}  // namespace

process_usage own_usage() {
  process_usage out;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    out.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  }
  std::uint64_t all = 0, resident = 0;
  if (std::ifstream("/proc/self/statm") >> all >> resident) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    out.virtual_bytes = all * page;
    out.resident_bytes = resident * page;
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) out.max_files = files.rlim_cur;
  return out;
}

}  // namespace kmux::daemon
