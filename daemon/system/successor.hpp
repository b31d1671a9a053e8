#pragma once
// The program that takes this one's place at an upgrade.

#include <string>
#include <vector>

#include "daemon/system/descriptors.hpp"
#include "protocol/error.hpp"

namespace kmux::daemon {

/// What stands now in the file that this program was started from: a package manager has put a
/// newer one there, or nobody has. It is given the same arguments. A value; any thread.
class successor {
public:
  /// To be made early: later the file may be another one.
  successor(int argc, const char* const* argv);

  const std::string& program() const noexcept { return argv_.front(); }

  /// Whether it can run with this configuration; gives what it says to --version. Blocks for as
  /// long as it takes, at most some 20 s; the error has what it said.
  result<std::string> check() const;

  /// Becomes it, with the same pid and these descriptors. Where it cannot be executed, the program
  /// that runs is started anew. Returns only if that fails as well. No thread may be left.
  void take_over(named_descriptors) const;

private:
  std::vector<std::string> argv_;
};

}  // namespace kmux::daemon
