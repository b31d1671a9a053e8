#pragma once
// kmux console.

#include "daemon/cli/command.hpp"

namespace kmux::cli {

inline constexpr flag console_flags[] = {
    {"-r,--read-only", "", "only show what others do"},
};
exit_code console(session&);

}  // namespace kmux::cli
