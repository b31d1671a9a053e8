#pragma once
// kmux config: what kmuxd's configuration says, and where.

#include "config/load.hpp"
#include "daemon/cli/command.hpp"

namespace kmux::cli {

/// As kmuxd would load it here and now.
config::load_result load_configuration(const session&);

/// KEY, its value and where that comes from; `changed`: those that are no defaults.
std::string show_configuration(const config::load_result&, bool changed);

exit_code configuration(session&);

}  // namespace kmux::cli
