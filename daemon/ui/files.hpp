#pragma once
// The status page's files, which are in the program.

#include <string_view>

namespace kmux::daemon {

struct ui_file {
  std::string_view name, content_type, content;
};

/// nullptr where there is none of that name.
const ui_file* find_ui_file(std::string_view name);

}  // namespace kmux::daemon
