#pragma once
// The runtime and the state directory, and the lock that makes us their only writer.

#include <string>
#include <string_view>
#include <vector>

#include "proc/supervise/files.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::supervise {

/// Where in one of a kernel's directories its own process writes: the directory `user` where that
/// is shared with another user, else the directory itself.
std::string written_in(const std::string& directory);

/// Holds RUNTIME/kmux.lock from open() to its destruction. One per daemon; any thread may call the
/// const functions. Ids must be valid (is_valid_id): they become path components.
class directories {
public:
  /// Creates what is missing and takes the lock, or goes on holding the one that is given, if it is
  /// this directory's. Errors are for people; a lock that is held names its holder's pid.
  static result<directories> open(std::string runtime, std::string state, unique_fd lock = {});

  /// The lock, for a successor; while it is open, nobody else gets it.
  unique_fd take_lock() noexcept { return std::move(lock_); }

  const std::string& runtime() const noexcept { return runtime_; }
  const std::string& state() const noexcept { return state_; }

  std::string kernel_runtime(std::string_view id) const;  ///< RUNTIME/kernels/ID
  std::string kernel_state(std::string_view id) const;    ///< STATE/kernels/ID
  std::string record_file(std::string_view id) const;     ///< RUNTIME/kernels/ID/record.json
  std::string connection_file(std::string_view id) const;
  std::string exit_file(std::string_view id) const;     ///< written_runtime(ID)/exit.json
  std::string stdio_log(std::string_view id) const;     ///< written_state(ID)/stdio.log
  std::string summary_file(std::string_view id) const;  ///< STATE/kernels/ID/summary.json
  std::string cursors(std::string_view id) const;       ///< STATE/kernels/ID/cursors

  /// Both of the kernel's directories.
  result<void> create_kernel(std::string_view id) const;
  /// For a kernel that runs as another user: they may read what is in RUNTIME/kernels/ID, and
  /// write to a directory `user` there and in STATE/kernels/ID. Nothing that the daemon believes is
  /// in those.
  result<void> share_kernel(std::string_view id, uid_t user) const;
  /// What the kernel itself writes: the directory `user` where that is shared, else the kernel's.
  std::string written_runtime(std::string_view id) const;
  std::string written_state(std::string_view id) const;
  /// Lets other users pass through to what is shared with them.
  result<void> let_users_pass() const;
  /// Those with a runtime directory, sorted; quarantined ones and strangers' files are left out.
  result<std::vector<std::string>> list_kernels() const;
  /// Those with a state directory, in the same way.
  result<std::vector<std::string>> list_states() const;
  /// State first, the record last: a daemon that is killed meanwhile leaves enough for the next one
  /// to know what was begun, and to finish it.
  result<void> remove_kernel(std::string_view id) const;
  /// Renames its runtime directory to kernels/.quarantine-ID-N; returns the new path.
  result<std::string> quarantine(std::string_view id) const;
  /// The same of its state directory.
  result<std::string> quarantine_state(std::string_view id) const;
  /// Its runtime directory is put aside: whether it lives cannot be told.
  bool is_quarantined(std::string_view id) const;

  /// PREFIX such that the sockets PREFIX-1 … PREFIX-5 can be bound: written_runtime(ID)/<name>, or
  /// where that would pass the 107 bytes of a socket address, <name> in a new private directory
  /// under $XDG_RUNTIME_DIR or /tmp. Remember it in the record: remove_sockets() wants it back.
  result<std::string> choose_socket_prefix(std::string_view id, std::string_view name = "k") const;
  /// The same with the shortest path there is, always in a new directory under /tmp: some kernels
  /// (xeus's) refuse paths that the system would take.
  static result<std::string> choose_short_socket_prefix(std::string_view name = "k");
  /// Whether the directory of such a prefix is still there and still ours alone. Something may have
  /// swept /tmp, and somebody else may have taken the name.
  static bool owns_sockets(const std::string& prefix);
  /// The directory of a prefix that was chosen outside of the runtime directory; any other prefix,
  /// or none, is left alone.
  static result<void> remove_sockets(const std::string& prefix);

private:
  directories(std::string runtime, std::string state, unique_fd lock);

  std::string runtime_, state_;
  unique_fd lock_;
};

/// Longest path of a Unix socket: sun_path without its terminating null, unix(7).
inline constexpr std::size_t max_socket_path = 107;

}  // namespace kmux::supervise
