#pragma once
// Who asks.

#include <string>

namespace kmux::daemon {

/// The result of authentication. Kernels belong to `owner`; administrators see them all.
struct identity {
  std::string owner;
  bool admin = false;

  bool may_see(const std::string& kernel_owner) const { return admin || owner == kernel_owner; }
};

}  // namespace kmux::daemon
