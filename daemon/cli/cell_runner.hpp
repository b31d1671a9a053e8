#pragma once
// Runs one cell on a kernel, and tells what it says as it comes.

#include <functional>
#include <string>

#include "daemon/cli/command.hpp"
#include "daemon/cli/kernel_channels.hpp"

namespace kmux::cli {

struct cell_options {
  bool may_ask = false;                  ///< input() gets its answer from stdin
  std::chrono::milliseconds timeout{0};  ///< 0: none
};

struct cell_end {
  std::string msg_id;
  std::string status;  ///< execute_reply's: ok, error, aborted
};

/// One at a time. While it waits, a noted SIGINT interrupts the kernel; any other noted signal, and
/// a second SIGINT within two seconds, lets the kernel go on alone.
class cell_runner {
public:
  using listener = std::function<void(const said&)>;

  cell_runner(const session& s, kernel_channels& channels) : s_(s), channels_(channels) {}

  /// `hear` gets what belongs to the cell, `other` what does not. A failure: the kernel died, or
  /// the cell was left alone (exit_code::timed_out).
  outcome<cell_end> run(std::string_view code, const cell_options&, const listener& hear,
                        const listener& other = {});

private:
  outcome<void> on_signal(int number);
  outcome<void> answer(const said& question, bool may_ask);

  const session& s_;
  kernel_channels& channels_;
  clock::time_point interrupted_{};
};

/// kmuxd itself says that the kernel's process has ended; nothing else.
std::optional<failure> death_in(const said&, const std::string& kernel);

}  // namespace kmux::cli
