#pragma once
// Kernelspecs: what can be started here.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error.hpp"
#include "protocol/kernelspec.hpp"

namespace kmux::daemon {

/// One kernelspec and where it came from.
struct installed_spec {
  std::string name;          ///< the directory's name
  std::string resource_dir;  ///< absolute; empty for a built-in one
  kernelspec spec;
  bool builtin_echo = false;  ///< hosted by kmux-child itself
};

/// Looks for kernelspecs in the Jupyter data directories, first come first served, as
/// jupyter_client does: JUPYTER_PATH, the user's, sys.prefix-like /usr/local and /usr. Reads the
/// disk each time it is asked: an administrator who installs a kernel sees it at once.
class spec_store {
public:
  struct settings {
    std::vector<std::string>
        extra;  ///< directories that hold kernels/, or that hold NAME/kernel.json
    std::string default_name = "python3";
    bool echo = false;
  };

  explicit spec_store(settings s) : settings_(std::move(s)) {}
  void set(settings s) { settings_ = std::move(s); }

  /// By name, without regard to case; "" means the default. The error names what there is.
  result<installed_spec> find(std::string_view name) const;

  /// All that can be read; broken ones are logged and left out.
  std::vector<installed_spec> list() const;

  /// The configured default where it exists, else the first by name.
  std::string default_name() const;

  /// A file of a spec's directory; `relative` is not trusted: links and ".." that lead out of the
  /// directory are not_found, and so are directories and files over 8 MiB.
  static result<std::string> read_resource(const installed_spec&, std::string_view relative);

  /// Resources that the API lists: "logo-64x64" → "logo-64x64.png", "kernel.js"…
  static std::map<std::string, std::string> resources(const installed_spec&);

private:
  std::vector<std::string> directories() const;

  settings settings_;
};

}  // namespace kmux::daemon
