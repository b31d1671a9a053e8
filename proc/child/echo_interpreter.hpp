#pragma once
// The smallest language: a line, a command. For tests, for benchmarks, and as an example.

#include <map>
#include <mutex>
#include <string>

#include <kmux/child/interpreter.hpp>

namespace kmux::child {

/// A line that begins with none of these words is printed as it is.
///
///   echo TEXT           print (stdout)           sleep SECONDS       interruptible
///   stderr TEXT         print (stderr)           spin SECONDS        the same, using the processor
///   display TEXT        display_data             count N SECONDS     1 to N, so long apart
///   result TEXT         execute_result           flood N SIZE        N stream messages, at once
///   buffers N SIZE      display_data with N      big MEGABYTES       display_data of that size
///                       binary buffers           nan                 display_data with a NaN in it
///   input PROMPT        ask, and print it        crash | abort | exit N
///   password PROMPT     the same, unseen         hang                deaf to everything but
///   SIGKILL comm TARGET         open a comm; comm_msg    raw TEXT            to descriptor 1
///   itself
///                       come back as they are    env NAME            print a variable
///   error NAME VALUE    fail                     clear               clear_output
class echo_interpreter : public interpreter {
public:
  std::string kernel_info() const override;
  execute_result execute(const execute_request&, execution&) override;
  void comm(const comm_request&, const std::shared_ptr<execution>&) override;
  std::string complete(const code_query&) override;
  std::string inspect(const code_query&) override;
  std::string is_complete(std::string_view code) override;
  std::string comm_info(std::string_view) override;
  bool answers_from_any_thread() const override { return true; }
  bool has_subshells() const override { return true; }

private:
  std::mutex mutex_;                                       ///< subshells have threads of their own
  std::map<std::string, std::string, std::less<>> comms_;  ///< comm_id → target_name
};

}  // namespace kmux::child
