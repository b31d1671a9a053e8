#pragma once
// Reading kernelspecs from the disk.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proc/launch_spec.hpp"
#include "protocol/error.hpp"
#include "protocol/kernelspec.hpp"

namespace kmux::daemon {

/// One kernelspec and where it came from.
struct installed_spec {
  std::string name;          ///< the directory's name
  std::string resource_dir;  ///< absolute; empty for a built-in one
  kernelspec spec;
  /// What the API lists: "logo-64x64" → "logo-64x64.png", "kernel.js"…
  std::map<std::string, std::string> resources;
  /// How it is hosted: most are Jupyter kernels behind a relay.
  launch_spec::kind host = launch_spec::kind::relay;
};

/// Lower-case names.
struct found_specs {
  std::map<std::string, installed_spec> good;
  std::map<std::string, std::string> broken;  ///< what is wrong; none that is good elsewhere
};

/// The Jupyter data directories' kernels/, as jupyter_client orders them: JUPYTER_PATH, the user's,
/// /usr/local and /usr.
std::vector<std::string> jupyter_kernel_directories();

/// What is in `directories`; the first that has a name wins. Waits for the disk.
found_specs scan_specs(const std::vector<std::string>& directories);

/// A file of a spec's directory; `relative` is not trusted: links and ".." that lead out of the
/// directory are not_found, and so are directories and files over 8 MiB. Waits for the disk.
result<std::string> read_resource(const std::string& resource_dir, std::string_view relative);

}  // namespace kmux::daemon
