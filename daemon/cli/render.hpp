#pragma once
// What a kernel says, as text for a terminal.

#include <string>
#include <string_view>

namespace kmux::cli {

struct rendered {
  std::string text;    ///< empty: nothing that is shown
  bool error = false;  ///< for stderr
};

/// stream, execute_result, display_data and error messages; `content` is their JSON.
rendered render(std::string_view type, std::string_view content);

/// Text that may colour, erase a line and go back in it, but steers a terminal in no other way;
/// without colours where they are not wanted.
std::string harmless(std::string_view text);

/// To stdout or stderr, at once.
void show(const rendered&);

/// The first line of what a message says, for a list.
std::string summary_of(std::string_view type, std::string_view content);

}  // namespace kmux::cli
