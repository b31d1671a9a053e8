#pragma once
// The kernels that kmux brings along.

#include <string>

#include "daemon/specs/spec_scan.hpp"

namespace kmux::daemon {

/// Where our Python kernel is, and which Python it is for.
struct python_host {
  std::string package;              ///< the directory kmux_child; empty: it is not installed
  std::string program = "python3";  ///< looked for in the kernel's PATH
};

installed_spec echo_spec();
/// Python, under `name`.
installed_spec python_spec(const python_host&, std::string name);

/// Lets our runtime host a spec of ipykernel's, with its interpreter, environment and options.
/// False where it is none.
bool host_natively(installed_spec&, const python_host&);

/// lib/kmux/python/kmux_child beside the directory that kmuxd is in; empty where it is not there.
std::string find_python_package();

}  // namespace kmux::daemon
