// The file of what clients have confirmed, which a kernel of the same user may have written.
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "proc/journal/cursors.hpp"
#include "proc/unique_fd.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = "/tmp/kmux-fuzz-cursors-" + std::to_string(::getpid());
  {
    const kmux::unique_fd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  {
    kmux::journal::cursors read(path);
    read.find("nobody");
    if (!read.set("s", 7) || !read.set_alias("s", "a")) std::abort();
  }
  kmux::journal::cursors again(path);
  if (again.find("s") != 7U || again.alias("s") != "a") std::abort();
  ::unlink(path.c_str());
  return 0;
}
