#include "daemon/system/successor.hpp"

#include <csignal>
#include <filesystem>
#include <unistd.h>

#include "daemon/system/program_output.hpp"
#include "proc/exec_strings.hpp"

namespace kmux::daemon {

namespace {

constexpr auto patience = std::chrono::seconds(30);
constexpr auto running_program = "/proc/self/exe";
constexpr std::string_view replaced = " (deleted)";

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

}  // namespace

successor::successor(int argc, const char* const* argv) : argv_(argv, argv + argc) {
  std::error_code unknown;
  const auto self = std::filesystem::read_symlink(running_program, unknown);
  if (argv_.empty()) argv_.emplace_back();
  if (unknown) return;
  argv_.front() = self.string();
  // So Linux says that another file stands there by now: it is that one that is meant.
  if (argv_.front().ends_with(replaced))
    argv_.front().resize(argv_.front().size() - replaced.size());
}

result<std::string> successor::check() const {
  const auto version = run_program({program(), "--version"}, patience);
  if (!version) return version.error();
  auto arguments = argv_;
  arguments.emplace_back("--check-config");
  const auto checked = run_program(arguments, patience);
  if (!checked) return checked.error();
  if (version->status != 0 || checked->status != 0) {
    return error{errc::bad_field, trimmed(version->status != 0 ? version->text : checked->text)};
  }
  return trimmed(version->text);
}

void successor::take_over(named_descriptors all) const {
  const exec_strings arguments(argv_);
  // It would end the new program before that knows what to do with it.
  ::signal(SIGHUP, SIG_IGN);
  if (!give_descriptors(std::move(all))) return;
  ::execve(program().c_str(), arguments.get(), ::environ);
  ::execve(running_program, arguments.get(), ::environ);
}

}  // namespace kmux::daemon
