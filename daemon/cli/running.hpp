#pragma once
// kmux exec and kmux run.

#include "daemon/cli/command.hpp"

namespace kmux::cli {

inline constexpr flag exec_flags[] = {
    {"-c,--code", "CODE", "this, instead of a file"},
    {"-t,--timeout", "TIME", "then the cell is left alone, and the exit code is 5"},
};
exit_code exec(session&);

inline constexpr flag run_flags[] = {
    {"--to", "FILE", "write the notebook there, and not back"},
    {"--keep-going", "", "also after a cell that failed"},
    {"--keep", "", "let the kernel live, and print its id"},
    {"-e,--env", "NAME=VALUE", "a variable of its environment"},
    {"--cwd", "DIR", "its working directory; that of the file"},
    {"-t,--timeout", "TIME", "of each cell"},
};
exit_code run(session&);

}  // namespace kmux::cli
