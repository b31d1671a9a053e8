#include "proc/process_limits.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace kmux {
namespace {

/// From SIGXCPU, which a program may handle, to SIGKILL.
constexpr rlim_t last_seconds = 5;

bool limit(int resource, std::uint64_t soft, std::uint64_t hard) noexcept {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return false;
  now.rlim_max = std::min<rlim_t>(now.rlim_max, hard);
  now.rlim_cur = std::min<rlim_t>(now.rlim_max, soft);
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &now) == 0;
}

bool limit_if(int resource, std::uint64_t most) noexcept {
  return most == 0 || limit(resource, most, most);
}

}  // namespace

bool set_limits(const process_limits& l) noexcept {
  const bool set = limit_if(RLIMIT_DATA, l.memory) && limit_if(RLIMIT_NPROC, l.processes) &&
                   limit_if(RLIMIT_NOFILE, l.files) && limit_if(RLIMIT_FSIZE, l.file_size) &&
                   limit(RLIMIT_CORE, l.core, l.core);
  if (!set || l.cpu_seconds == 0) return set;
  return limit(RLIMIT_CPU, l.cpu_seconds, l.cpu_seconds + last_seconds);
}

bool set_nice(const process_limits& l) noexcept {
  const int now = ::getpriority(PRIO_PROCESS, 0);
  return l.nice <= now || ::setpriority(PRIO_PROCESS, 0, l.nice) == 0;
}

}  // namespace kmux
