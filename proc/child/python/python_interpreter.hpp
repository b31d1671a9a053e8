#pragma once
// Python as a language of kmux::child: each call goes to a method of a Python object.

#include "proc/child/helper_thread.hpp"
#include "proc/child/python/object.hpp"
#include <kmux/child/interpreter.hpp>

namespace kmux::python {

/// `target` is kmux_child.language.Language. Calls that come from the control loop's thread take no
/// GIL; those of the shell loops have it, the others take it.
class python_interpreter final : public child::interpreter {
public:
  struct features {
    std::string kernel_info;
    bool subshells = false, debugger = false;
    bool in_program = false;  ///< whose process is not ours to end
  };

  python_interpreter(object target, features f)
      : target_(std::move(target)), features_(std::move(f)) {}

  std::string kernel_info() const override { return features_.kernel_info; }
  child::execute_result execute(const child::execute_request&, child::execution&) override;
  void start(const child::execute_request&, std::shared_ptr<child::execution>) override;
  int count_cell(bool stored) override;
  void comm(const child::comm_request&, const std::shared_ptr<child::execution>&) override;
  std::string complete(const child::code_query&) override;
  std::string inspect(const child::code_query&) override;
  std::string is_complete(std::string_view code) override;
  std::string history(std::string_view content) override;
  std::string comm_info(std::string_view content) override;
  bool answers_from_any_thread() const override { return true; }
  bool has_debugger() const override { return features_.debugger; }
  std::string debug(std::string_view content, child::execution&) override;
  bool tells_stacks() const override { return true; }
  std::string stacks() override;
  bool has_subshells() const override { return features_.subshells; }
  void run_subshell(child::shell&) override;
  void interrupt(child::shell&, bool by_message) override;
  /// After the kernel's end: lets go of the Python object. With the GIL.
  void forget();
  bool may_abandon() override;
  void abandon() override;

private:
  /// What the method returns, which must be JSON as bytes or str; `otherwise` after an exception,
  /// which is shown on the process's own stderr.
  std::string ask(const char* method, const object& arguments, std::string otherwise);

  object target_;
  features features_;
  child::helper_thread interrupter_;  ///< for subshells: theirs takes the GIL
  int grace_ = 0;
};

}  // namespace kmux::python
