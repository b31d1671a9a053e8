#pragma once
// kmux top.

#include "daemon/cli/command.hpp"

namespace kmux::cli {

exit_code top(session&);

}  // namespace kmux::cli
