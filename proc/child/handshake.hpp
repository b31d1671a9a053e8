#pragma once
// The kernel's side of the registration handshake (protocol/registration.hpp).

#include <chrono>

#include "protocol/registration.hpp"

namespace kmux::child {

/// How long a launcher may take to acknowledge. JEP 66: a kernel that waits in vain ends itself,
/// and the time is the implementation's to choose.
inline constexpr std::chrono::milliseconds handshake_patience = std::chrono::seconds(10);

/// Tells the launcher the ports that were bound, and returns when it has acknowledged them. Throws
/// std::runtime_error, for people, where it does not, or where SIGTERM (blocked) is pending.
void register_with_launcher(const registration_info&, const connection_info& bound,
                            std::chrono::milliseconds patience = handshake_patience);

}  // namespace kmux::child
