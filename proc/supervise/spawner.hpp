#pragma once
// Starts kmux-child, held at its gate.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proc/launch_spec.hpp"
#include "proc/supervise/process.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::supervise {

/// A child that waits for its launch_spec: the time to write its record and to set its limits.
/// Destroyed unreleased, it takes the child with it.
class held_child {
public:
  held_child(std::unique_ptr<process>, unique_fd gate_read, unique_fd gate_write,
             std::string cgroup = {});
  held_child(held_child&&) = default;
  held_child& operator=(held_child&&) = delete;
  ~held_child();

  const process_identity& identity() const noexcept { return process_->identity(); }
  /// That kmux-spawn has made for it; empty: none.
  const std::string& cgroup() const noexcept { return cgroup_; }

  /// Removes an old exit file, writes the spec and lets the child go, in `cgroup` if that is not
  /// empty. Never blocks: the pipe has room for the whole spec (max_launch_spec_size; above that
  /// errc::too_large). On an error the child is ended. A child that has died meanwhile is no error
  /// here: on_exit() will tell.
  result<std::unique_ptr<process>> release(const launch_spec&, const std::string& cgroup = {});

private:
  std::unique_ptr<process> process_;
  unique_fd gate_read_;  ///< kept so that writing to a dead child raises no SIGPIPE
  unique_fd gate_write_;
  std::string cgroup_;
};

/// Stateless but for what is the same for all children. Outlives their processes.
class spawner {
public:
  /// `program` is kmux-child's absolute path, beside kmuxd.
  /// `helper`: kmux-spawn's socket; empty: there is none.
  spawner(boost::asio::io_context& io, std::string program, std::string helper = {})
      : io_(io), program_(std::move(program)), others_(io, std::move(helper)) {}

  struct request {
    launch_spec::kind type = launch_spec::kind::relay;
    std::string kernel_id;
    environment env;        ///< complete: PATH, HOME, LANG…
    std::string stdio_log;  ///< appended to, created 0600; empty: /dev/null
  };

  /// argv: kmux-child KIND --gate=3 --id=ID. Own session, empty signal mask, default signals,
  /// stdin /dev/null, stdout and stderr to the log, nothing else open but the gate. The loop is
  /// blocked for some 60 µs. The error's detail names the program and the reason.
  result<held_child> spawn(const request&);

  using spawned = std::function<void(result<held_child>)>;
  /// The same by kmux-spawn, as another user. `done` is called once, from the loop.
  void spawn_as(const spawn_request&, spawned done);
  spawn_client& others() noexcept { return others_; }

private:
  boost::asio::io_context& io_;
  std::string program_;
  spawn_client others_;
};

}  // namespace kmux::supervise
