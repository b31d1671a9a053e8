// Commands that use kernels.
#include "daemon/cli/command.hpp"
#include "daemon/cli/console.hpp"
#include "daemon/cli/running.hpp"

namespace kmux::cli {

namespace {

constexpr command table[] = {
    {"exec", "ID [FILE]", word_kind::kernel, 1, 2,
     "execute code; prints what it says as it comes, and ends as it does",
     "  kmux exec @last -c 'print(x)'\n"
     "  kmux exec 3f2a script.py --timeout 10m\n"
     "  echo 'x = 1' | kmux exec 3f2a",
     exec_flags, exec},
    {"run", "SPEC FILE", word_kind::spec_and_file, 2, 2,
     "start a kernel, run a script or a notebook, and end it",
     "  kmux run python3 report.ipynb\n"
     "  kmux run python3 report.ipynb --to done.ipynb --keep-going\n"
     "  kmux run python3 script.py",
     run_flags, run},
    {"console", "ID", word_kind::kernel, 1, 1,
     "a terminal on a kernel, which goes on when it is left",
     "  kmux console @last\n"
     "  kmux console analysis.ipynb --read-only",
     console_flags, console},
};

}  // namespace

std::span<const command> using_it() {
  return table;
}

}  // namespace kmux::cli
