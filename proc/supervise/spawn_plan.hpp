#pragma once
// How a program is started: posix_spawn(3), whose two C structs have destructors only by name.

#include <signal.h>
#include <spawn.h>
#include <string>
#include <sys/types.h>

namespace kmux::supervise {

/// Signals are as at first: nothing blocked, nothing ignored. Descriptors are as the calls say, in
/// their order; each returns false when there is no memory for it.
class spawn_plan {
public:
  /// `flags`: POSIX_SPAWN_SETSID, or none.
  explicit spawn_plan(short flags = 0) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(
        &attributes_, static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  }
  ~spawn_plan() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&files_);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;

  bool give(int fd, int as) { return ::posix_spawn_file_actions_adddup2(&files_, fd, as) == 0; }
  bool open(int as, const char* path, int flags) {
    return ::posix_spawn_file_actions_addopen(&files_, as, path, flags, 0) == 0;
  }
  bool close_from(int fd) { return ::posix_spawn_file_actions_addclosefrom_np(&files_, fd) == 0; }

  /// 0, or an errno.
  int run(const std::string& program, char* const* argv, char* const* env, pid_t& pid) const {
    return ::posix_spawn(&pid, program.c_str(), &files_, &attributes_, argv, env);
  }

private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

}  // namespace kmux::supervise
