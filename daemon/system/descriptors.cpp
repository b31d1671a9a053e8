#include "daemon/system/descriptors.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

namespace kmux::daemon {

namespace {

constexpr int first = SD_LISTEN_FDS_START;

}  // namespace

named_descriptors take_descriptors() {
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(1, &names);
  named_descriptors out;
  for (int i = 0; i < count; ++i) {
    out.push_back({names[i], unique_fd(first + i)});
    ::free(names[i]);
  }
  ::free(names);
  return out;
}

unique_fd take_named(named_descriptors& all, std::string_view name) {
  const auto at = std::ranges::find(all, name, &named_descriptor::name);
  if (at == all.end()) return {};
  unique_fd out = std::move(at->fd);
  all.erase(at);
  return out;
}

unique_fd file_of(std::string_view text) {
  unique_fd fd(::memfd_create("kmuxd", MFD_CLOEXEC));
  if (fd && ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    fd.reset();
  }
  return fd;
}

std::string text_of(const unique_fd& fd, std::size_t most) {
  std::string text(most, '\0');
  const auto got = ::pread(fd.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

bool give_descriptors(named_descriptors all) {
  const int end = first + static_cast<int>(all.size());
  std::string names;
  // First out of each other's way, then to their places.
  for (auto& each : all) {
    each.fd = unique_fd(::fcntl(each.fd.get(), F_DUPFD_CLOEXEC, end));
    if (!each.fd) return false;
    names += (names.empty() ? "" : ":") + each.name;
  }
  for (int i = 0; i < end - first; ++i) {
    if (::dup2(all[i].fd.get(), first + i) < 0) return false;  // which is not closed on exec
  }
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", std::to_string(all.size()).c_str(), 1);
  ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
  return true;
}

}  // namespace kmux::daemon
