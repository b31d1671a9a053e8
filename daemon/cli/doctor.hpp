#pragma once
// kmux doctor: what is not as it should be, and how to mend it; works without a kmuxd.

#include <string>
#include <vector>

#include "daemon/cli/command.hpp"

namespace kmux::cli {

struct finding {
  enum class level { good, note, bad };
  level how = level::good;
  std::string what;  ///< "descriptors"
  std::string text;
  std::string mend;  ///< empty where it is good
};

std::vector<finding> examine(const session&);
std::string show_findings(const std::vector<finding>&);
exit_code doctor(session&);

}  // namespace kmux::cli
