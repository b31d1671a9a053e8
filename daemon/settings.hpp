#pragma once
// From what the administrator says to what each part wants to know.

#include "config/config.hpp"
#include "daemon/http/server.hpp"
#include "daemon/kernels/kernel_manager.hpp"
#include "daemon/specs/spec_store.hpp"

namespace kmux::daemon {

connection_settings connection_settings_from(const config::config&);
kernel_settings kernel_settings_from(const config::config&);
kernel_manager::settings manager_settings_from(const config::config&);
spec_store::settings spec_settings_from(const config::config&);

/// "127.0.0.1:8888", "[::1]:0", "unix:/path". The configuration has checked the form.
listen_address listen_address_from(std::string_view);

}  // namespace kmux::daemon
