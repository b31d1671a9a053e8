#pragma once
// `kmux token`: tokens by name.

#include <span>

#include "daemon/cli/command.hpp"

namespace kmux::cli {

exit_code token(session&);

inline constexpr flag token_flags[] = {
    {"--owner", "USER", "whose token; you need to be an administrator where it is not yours"},
    {"--scopes", "SCOPE,…", "of observe, read, use, act-for, admin; use where not given"},
    {"--expires", "TIME",
     "its life: 90s, 12h, a plain number is seconds; for ever where not given"},
};

}  // namespace kmux::cli
