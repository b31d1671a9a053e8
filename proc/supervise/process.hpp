#pragma once
// One process, held by pidfd: never by a bare number.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proc/exit_status.hpp"
#include "proc/leftovers.hpp"
#include "proc/oom_watch.hpp"
#include "proc/process_identity.hpp"
#include "proc/supervise/spawn_client.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::supervise {

/// A process that leads its own group (and session): a child of ours, or one that an earlier daemon
/// started. Loop thread only. Owned by one kernel; destroying it cancels the wait and leaves the
/// process alone (an ended child is reaped where its end was told). SIGCHLD must not be ignored in
/// this program, or the kernel reaps our children before we do.
class process {
public:
  using exit_handler = std::function<void(exit_status)>;

  /// Takes over a child that this program has just spawned with its own session. `exit_file` is
  /// launch_spec's: what stands there tells more than wait(2), and all there is for an adopter.
  static result<std::unique_ptr<process>> from_child(boost::asio::io_context&, pid_t,
                                                     std::string exit_file = {});

  /// errc::not_found if that process has ended (its number may mean another one by now), unless it
  /// is our child, as after an upgrade: then on_exit() tells.
  static result<std::unique_ptr<process>> adopt(boost::asio::io_context&, const process_identity&,
                                                std::string exit_file = {});

  /// What kmux-spawn has started: `reply` has its pidfd.
  static result<std::unique_ptr<process>> from_spawned(boost::asio::io_context&, spawn_reply,
                                                       spawn_client&, std::string user);
  /// An adopted one is another user's: only kmux-spawn can signal it, and end what it leaves.
  void set_user(spawn_client& through, std::string user);

  ~process();
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  const process_identity& identity() const noexcept { return identity_; }
  /// False as soon as it has ended, reaped or not.
  bool alive() const noexcept;

  /// To the process alone. errc::not_found once it has ended.
  result<void> signal(int sig);
  /// Once to every member of its group, or errc::not_found if the leader has ended: a number that
  /// now means somebody else is never signalled.
  result<void> signal_group(int sig);

  /// Calls the handler once, from the loop, after the end: what the process has left behind has
  /// ended too (SIGTERM, SIGKILL after a grace), and the process is reaped. The handler may destroy
  /// this object. To be called once.
  void on_exit(exit_handler);
  /// Before it is made to end: its descendants are found by it only while it lives.
  void note_descendants();

  /// How its processes are known, wherever they went: leftovers.hpp. Else by the session alone.
  void set_mark(std::string kernel_id, std::string directory, std::string cgroup = {});
  /// Counts its cgroup's kills from now on, and not from on_exit() on: for a held child, which may
  /// have been killed by then. Empty: of whichever cgroup it is in.
  void count_kills(const std::string& cgroup);
  /// What is said where the process is killed for passing its cgroup's.
  void set_memory_limit(std::string text) { memory_limit_ = std::move(text); }
  void set_exit_file(std::string path) { exit_file_ = std::move(path); }

  /// SIGKILL and reap, waiting: for a held child, which has nothing to lose and ends at once.
  void destroy_now() noexcept;

private:
  process(boost::asio::io_context&, process_identity, bool child, std::string exit_file);
  static result<std::unique_ptr<process>> open(boost::asio::io_context&, const process_identity&,
                                               unique_fd, bool child, std::string exit_file);
  void wait();
  void ended();
  void end_leftovers(const process_table&);
  result<void> signal_as_user(int sig, bool group);
  void kill_again(bool group);
  void watch_memory();
  void ask_how_it_ended();
  void end_leftovers_of_user();
  void finish();
  void reap() noexcept;
  void kill_leftovers() noexcept;
  exit_status judge(exit_status waited) const;

  boost::asio::posix::stream_descriptor fd_;  ///< owns the pidfd
  int pidfd_ = -1;
  process_identity identity_;
  std::string exit_file_;
  std::string memory_limit_;
  oom_watch oom_;
  boost::asio::posix::stream_descriptor memory_events_;  ///< of a scope, which goes with its end
  bool struck_ = false;                                  ///< seen while it was there
  leftovers left_;
  boost::asio::steady_timer left_timer_;
  siginfo_t end_{};  ///< what wait(2) said; nothing of an adopted process
  exit_handler handler_;
  std::shared_ptr<bool> here_ = std::make_shared<bool>(true);  ///< handlers already queued ask this
  spawn_client* spawn_ = nullptr;                              ///< of another user's process
  std::string user_;
  boost::asio::steady_timer kill_timer_;
  std::chrono::seconds kill_pause_{1};  ///< before it is asked for the same again
  unique_fd told_;                      ///< over which kmux-spawn will tell of its end
  exit_status end_told_;
  bool child_;
  bool reaped_ = false;
  bool killed_by_us_ = false;
};

/// Asks kmux-spawn for the end of what a kernel has left behind.
spawn_request end_request(std::string user, const kernel_mark&);

/// What a child noted as it ended; cause::unknown where there is no (readable) note.
exit_status read_exit_file(const std::string& path);

}  // namespace kmux::supervise
