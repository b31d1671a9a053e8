#pragma once
// kmux cull.

#include "daemon/cli/command.hpp"

namespace kmux::cli {

inline constexpr flag cull_flags[] = {
    {"-n,--dry-run", "",
     "only say which; without --idle: what kmuxd's own culling will end, and when"},
    {"-i,--idle", "TIME", "those that nobody used for so long: idle, without clients, not pinned"},
    {"--owner", "OWNER", "of that owner"},
    {"--spec", "SPEC", "of that kernelspec"},
};
exit_code cull(session&);

}  // namespace kmux::cli
