#pragma once
// kmux ps.

#include "daemon/cli/command.hpp"

namespace kmux::cli {

exit_code ps(session&);

}  // namespace kmux::cli
