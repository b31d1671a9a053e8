#pragma once
// Processes of this machine, for people.

#include <string>
#include <sys/types.h>

namespace kmux::cli {

/// Its arguments with blanks between; its name in brackets where they may not be read.
std::string command_line_of(pid_t);
/// A process and its descendants, a line each.
std::string process_tree(pid_t);
/// What all of its threads are doing, as far as the system tells: a line each, and the stack of the
/// system's functions where that may be read.
std::string native_stacks(pid_t);
/// Prints what eu-stack or gdb says of its native stacks, which stops it for a moment. False: there
/// is neither, or it may not.
bool print_debugger_stacks(pid_t);

}  // namespace kmux::cli
