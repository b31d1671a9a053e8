#include "proc/child/connection.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

#include "proc/unique_fd.hpp"

namespace kmux::child {

std::string read_all(int fd) {
  std::string out;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string read_file(const std::string& path) {
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw std::runtime_error("cannot read " + path);
  return read_all(fd.get());
}

void write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  {
    const unique_fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      throw std::runtime_error("cannot write " + path);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    throw std::runtime_error("cannot write " + path);
  }
}

connection_info read_connection(const std::string& path) {
  auto info = parse_connection_file(read_file(path));
  if (!info) throw std::runtime_error(path + ": " + info.error().detail);
  return *info;
}

void keep_connection(const std::string& path, const connection_info& bound) {
  if (read_connection(path) != bound) write_file(path, write_connection_file(bound));
}

}  // namespace kmux::child
