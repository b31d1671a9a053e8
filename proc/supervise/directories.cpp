#include "proc/supervise/directories.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "proc/supervise/access.hpp"
#include "protocol/ids.hpp"

namespace kmux::supervise {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view socket_directory_start = "kmux-";
constexpr int most_quarantined = 1000;
constexpr auto lock_patience = std::chrono::seconds(10);
constexpr auto lock_pause = std::chrono::milliseconds(5);
constexpr const char* users_leaf = "/user";
constexpr const char* record_leaf = "record.json";
constexpr const char* summary_leaf = "summary.json";

error system_error(const std::string& what) {
  const int number = errno;
  return {errc_of(number), what + ": " + std::strerror(number)};
}

bool is_same_file(int a, int b) {
  struct stat first {
  }, second{};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/// What the lock's holder has written into it; not yet, or not a number: 0.
pid_t holder_in(const std::string& path) {
  const auto text = read_file(path, 32);
  return text ? static_cast<pid_t>(std::strtol(text->c_str(), nullptr, 10)) : 0;
}

bool is_there(pid_t pid) {
  return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

/// Not of a kmuxd that lives. One that was killed while it started a child has lent it the lock,
/// until that has become another program.
bool take_lock(int fd, const std::string& path) {
  const auto until = std::chrono::steady_clock::now() + lock_patience;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return false;
    if (is_there(holder_in(path)) || std::chrono::steady_clock::now() >= until) {
      errno = EWOULDBLOCK;
      return false;
    }
    std::this_thread::sleep_for(lock_pause);
  }
  return true;
}

result<unique_fd> lock_runtime(const std::string& runtime, unique_fd held) {
  const std::string path = runtime + "/kmux.lock";
  unique_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return system_error("cannot open " + path);
  if (held && is_same_file(held.get(), fd.get())) fd = std::move(held);
  if (!take_lock(fd.get(), path)) {
    if (errno != EWOULDBLOCK) return system_error("cannot lock " + path);
    const auto holder = read_file(path, 32);
    return error{errc::io, runtime + " is in use by another kmuxd" +
                               (holder && !holder->empty() ? ", process " + *holder : "") +
                               ": stop that one, or choose another --runtime-dir"};
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::write(fd.get(), pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
    return system_error("cannot write " + path);
  }
  return fd;
}

bool fits(const std::string& prefix) {
  return prefix.size() + 2 <= max_socket_path;
}  // "-5"

/// A directory that choose_socket_prefix() made, and nothing else.
bool is_our_socket_directory(const std::string& path) {
  struct stat about {};
  return fs::path(path).filename().string().starts_with(socket_directory_start) &&
         ::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode) &&
         about.st_uid == ::geteuid() && (about.st_mode & 0777) == 0700;
}

result<std::vector<std::string>> list_ids(const std::string& folder) {
  std::vector<std::string> ids;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    std::string name = entry->path().filename().string();
    std::error_code unknown;
    if (is_valid_id(name) && fs::is_directory(entry->symlink_status(unknown))) {
      ids.push_back(std::move(name));
    }
  }
  if (failed) return error{errc::io, "cannot list " + folder + ": " + failed.message()};
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string quarantine_start(const std::string& folder, std::string_view id) {
  return folder + ".quarantine-" + std::string(id) + "-";
}

result<std::string> put_aside(const std::string& folder, std::string_view id) {
  if (!is_valid_id(id)) return error{errc::bad_field, "that is no kernel id"};
  const std::string from = folder + std::string(id);
  for (int n = 1; n <= most_quarantined; ++n) {
    std::string to = quarantine_start(folder, id) + std::to_string(n);
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return to;
    if (errno != EEXIST) return system_error("cannot rename " + from);
  }
  return error{errc::too_many, "there are too many of " + folder + ".quarantine-*"};
}

}  // namespace

std::string written_in(const std::string& directory) {
  struct stat about {};
  std::string shared = directory + users_leaf;
  return ::lstat(shared.c_str(), &about) == 0 && S_ISDIR(about.st_mode) ? shared : directory;
}

directories::directories(std::string runtime, std::string state, unique_fd lock)
    : runtime_(std::move(runtime)), state_(std::move(state)), lock_(std::move(lock)) {
}

result<directories> directories::open(std::string runtime, std::string state, unique_fd held) {
  for (const std::string& path : {runtime, runtime + "/kernels", state, state + "/kernels"}) {
    if (auto made = make_private_directory(path); !made) return made.error();
  }
  auto lock = lock_runtime(runtime, std::move(held));
  if (!lock) return lock.error();
  return directories(std::move(runtime), std::move(state), std::move(*lock));
}

std::string directories::kernel_runtime(std::string_view id) const {
  return runtime_ + "/kernels/" + std::string(id);
}

std::string directories::kernel_state(std::string_view id) const {
  return state_ + "/kernels/" + std::string(id);
}

std::string directories::record_file(std::string_view id) const {
  return kernel_runtime(id) + "/" + record_leaf;
}

std::string directories::connection_file(std::string_view id) const {
  return kernel_runtime(id) + "/connection.json";
}

std::string directories::exit_file(std::string_view id) const {
  return written_runtime(id) + "/exit.json";
}

std::string directories::cursors(std::string_view id) const {
  return kernel_state(id) + "/cursors";
}

std::string directories::summary_file(std::string_view id) const {
  return kernel_state(id) + "/" + summary_leaf;
}

std::string directories::stdio_log(std::string_view id) const {
  return written_state(id) + "/stdio.log";
}

result<void> directories::create_kernel(std::string_view id) const {
  if (!is_valid_id(id)) return error{errc::bad_field, "that is no kernel id"};
  if (auto made = make_private_directory(kernel_runtime(id)); !made) return made;
  return make_private_directory(kernel_state(id));
}

result<void> directories::let_users_pass() const {
  for (const auto& path : {runtime_, runtime_ + "/kernels", state_, state_ + "/kernels"}) {
    if (::chmod(path.c_str(), 0711) != 0) return system_error("cannot open " + path + " to users");
  }
  return {};
}

result<void> directories::share_kernel(std::string_view id, uid_t user) const {
  if (!is_valid_id(id)) return error{errc::bad_field, "that is no kernel id"};
  for (const auto& [path, how] : {std::pair{kernel_runtime(id), sharing::reading},
                                  {kernel_state(id), sharing::reading},
                                  {kernel_runtime(id) + users_leaf, sharing::writing},
                                  {kernel_state(id) + users_leaf, sharing::writing}}) {
    // Both are in directories of ours: nobody else can have made a link of that name.
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return system_error("cannot make " + path);
    }
    if (auto shared = share_directory(path, user, how); !shared) return shared;
  }
  return {};
}

std::string directories::written_runtime(std::string_view id) const {
  return written_in(kernel_runtime(id));
}

std::string directories::written_state(std::string_view id) const {
  return written_in(kernel_state(id));
}

result<std::vector<std::string>> directories::list_kernels() const {
  return list_ids(runtime_ + "/kernels");
}

result<std::vector<std::string>> directories::list_states() const {
  return list_ids(state_ + "/kernels");
}

result<void> directories::remove_kernel(std::string_view id) const {
  if (!is_valid_id(id)) return error{errc::bad_field, "that is no kernel id"};
  if (auto removed = remove_tree(kernel_state(id), summary_leaf); !removed) return removed;
  return remove_tree(kernel_runtime(id), record_leaf);
}

bool directories::owns_sockets(const std::string& prefix) {
  return is_our_socket_directory(fs::path(prefix).parent_path().string());
}

result<void> directories::remove_sockets(const std::string& prefix) {
  if (!owns_sockets(prefix)) return {};
  return remove_tree(fs::path(prefix).parent_path().string());
}

result<std::string> directories::quarantine(std::string_view id) const {
  return put_aside(runtime_ + "/kernels/", id);
}

result<std::string> directories::quarantine_state(std::string_view id) const {
  return put_aside(state_ + "/kernels/", id);
}

bool directories::is_quarantined(std::string_view id) const {
  std::error_code unknown;
  return fs::exists(quarantine_start(runtime_ + "/kernels/", id) + "1", unknown);
}

result<std::string> directories::choose_socket_prefix(std::string_view id,
                                                      std::string_view name) const {
  if (!is_valid_id(id)) return error{errc::bad_field, "that is no kernel id"};
  const std::string leaf = "/" + std::string(name);
  if (std::string prefix = written_runtime(id) + leaf; fits(prefix)) return prefix;
  if (written_runtime(id) != kernel_runtime(id)) {
    return error{errc::too_large,
                 runtime_ + " is too long for sockets: choose a shorter runtime_dir"};
  }

  const char* user_runtime = std::getenv("XDG_RUNTIME_DIR");
  for (const std::string& base :
       {std::string(user_runtime != nullptr ? user_runtime : ""), std::string("/tmp")}) {
    std::string folder = base + "/" + std::string(socket_directory_start) + "XXXXXX";
    if (base.empty() || base.front() != '/' || !fits(folder + leaf)) continue;
    if (::mkdtemp(folder.data()) != nullptr) return folder + leaf;
  }
  return system_error("cannot create a directory for sockets in /tmp");
}

result<std::string> directories::choose_short_socket_prefix(std::string_view name) {
  std::string folder = "/tmp/" + std::string(socket_directory_start) + "XXXXXX";
  if (::mkdtemp(folder.data()) != nullptr) return folder + "/" + std::string(name);
  return system_error("cannot create a directory for sockets in /tmp");
}

}  // namespace kmux::supervise
