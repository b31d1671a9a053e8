#pragma once
// kmuxd's side of kmux-spawn: proc/spawn_message.hpp.

#include <chrono>
#include <functional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "proc/spawn_message.hpp"
#include "proc/unique_fd.hpp"

namespace kmux::supervise {

struct spawn_reply {
  spawn_answer answer;   ///< its code is ok
  unique_fd descriptor;  ///< the pidfd, after start
  unique_fd connection;  ///< over which more will come, after start
};

/// A connection for each request: kmux-spawn may be stopped and started in between. Loop thread
/// only. Outlives the processes that were started through it.
class spawn_client {
public:
  using handler = std::function<void(result<spawn_reply>)>;

  /// `path` of its socket; empty: there is none, and processes are our own.
  spawn_client(boost::asio::io_context& io, std::string path) : io_(io), path_(std::move(path)) {}

  bool on() const noexcept { return !path_.empty(); }

  /// The handler is called once, from the loop and never from inside here. `descriptor` goes along
  /// with the request, -1: none; it is copied.
  void ask(const spawn_request&, int descriptor, handler);
  /// What comes next over a connection that a reply left.
  void wait(unique_fd connection, handler);
  /// Waits for the answer here: for a daemon that begins.
  result<spawn_reply> ask_now(const spawn_request&, int descriptor = -1) const;

private:
  boost::asio::io_context& io_;
  std::string path_;
};

}  // namespace kmux::supervise
