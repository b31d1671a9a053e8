#include "proc/child/connection.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

#include "proc/file_mode.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::child {

namespace {

template <class T>
T parsed(const std::string& path, result<T> from) {
  if (!from) throw std::runtime_error(path + ": " + from.error().detail);
  return std::move(*from);
}

/// libzmq chooses tcp ports only. As jupyter_client does: numbers that no socket file has.
void choose_ipc_ports(connection_info& out) {
  int number = 0;
  for (int* const port :
       {&out.shell_port, &out.iopub_port, &out.stdin_port, &out.control_port, &out.hb_port}) {
    do {
      ++number;
    } while (::access((out.ip + "-" + std::to_string(number)).c_str(), F_OK) == 0);
    *port = number;
  }
}

}  // namespace

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
    const unique_fd fd(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode_beside(path)));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      throw std::runtime_error("cannot write " + path);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    throw std::runtime_error("cannot write " + path);
  }
}

connection_info read_connection(const std::string& path) {
  return parsed(path, parse_connection_file(read_file(path)));
}

startup_file read_startup(const std::string& path) {
  const std::string text = read_file(path);
  if (!is_registration_file(text)) return {path, parsed(path, parse_connection_file(text)), {}};
  auto launcher = parsed(path, parse_registration_file(text));
  connection_info asked = launcher.kernel;
  if (asked.transport == "ipc") choose_ipc_ports(asked);
  return {path, std::move(asked), std::move(launcher)};
}

void keep_connection(const startup_file& file, const connection_info& bound,
                     std::chrono::milliseconds patience) {
  if (file.launcher) register_with_launcher(*file.launcher, bound, patience);
  if (file.launcher || file.asked != bound) write_file(file.path, write_connection_file(bound));
}

}  // namespace kmux::child
