// The file of events, which may be torn, or written by somebody else: what is said next is read
// again, and has a number that is larger than all.
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "daemon/events/event_log.hpp"
#include "daemon/events/event_reader.hpp"
#include "proc/unique_fd.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kmux::daemon;
  static const std::string path = "/tmp/kmux-fuzz-events-" + std::to_string(::getpid());
  {
    const kmux::unique_fd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  {
    event_log log(path, 1 << 20);
    log.open();
    if (log.last() < stored_event::most_number) {
      log.add(0, "said_next", {});
      event_reader from(path);
      stored_event each;
      std::uint64_t before = 0;
      while (from.next(each)) {
        if (each.number <= before) std::abort();
        before = each.number;
      }
      if (each.name != "said_next" || each.number != log.last()) std::abort();
    }
  }
  for (const auto* const suffix : {"", ".1", ".number"})
    ::unlink((path + suffix).c_str());
  return 0;
}
