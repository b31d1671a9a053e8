#pragma once
// Whether directories can be written to, found out by doing it.

#include <chrono>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/async/blocking.hpp"
#include "daemon/async/task_group.hpp"

namespace kmux::daemon {

/// A disk that is full or gone is only found by writing, and a file system that hangs keeps whoever
/// writes: the attempt is made off the loop, for all who ask at the same time together. Loop thread
/// only; `disk` and `tasks` outlive it.
class write_probe {
public:
  using clock = std::chrono::steady_clock;
  struct place {
    std::string name;       ///< "the state directory": for whoever asks
    std::string directory;  ///< for the log alone
  };
  struct settings {
    clock::duration every = std::chrono::seconds(1);     ///< an answer is good for so long
    clock::duration patience = std::chrono::seconds(2);  ///< for an attempt
  };

  write_probe(boost::asio::io_context& io, blocking& disk, task_group& tasks,
              std::vector<place> places, settings s);

  /// What is wrong; empty if nothing is.
  boost::asio::awaitable<std::string> problem();

private:
  boost::asio::awaitable<void> attempt();

  blocking& disk_;
  task_group& tasks_;
  std::vector<place> places_;
  settings settings_;
  boost::asio::steady_timer done_;  ///< of the attempt, or its patience
  bool trying_ = false;
  clock::time_point tried_ = clock::time_point::min();
  std::string problem_;
};

}  // namespace kmux::daemon
