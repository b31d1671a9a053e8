#pragma once
// Whether kernels may run as a user, and becoming that user.

#include <string>

#include "proc/account.hpp"
#include "proc/spawn/settings.hpp"

namespace kmux::spawn {

/// errc::refused, with what to say to whoever asked.
result<void> check_allowed(const account&, const settings&);

/// For good: user, groups, and with them every capability. An error leaves the process in between,
/// and it must end.
result<void> become(const account&);

/// A kernelspec's directory, as its user sees it: that and all above it must be root's or the
/// user's own, so that nobody else says what runs as them. To be called after become().
result<void> check_kernelspec(const std::string& directory);

}  // namespace kmux::spawn
