#pragma once
// Kernelspecs: what can be started here.

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "daemon/async/blocking.hpp"
#include "daemon/specs/builtin.hpp"
#include "daemon/specs/spec_scan.hpp"

namespace kmux::daemon {

/// What was found at the last refresh. Whoever is asked for kernelspecs, or to start one, refreshes
/// first: an administrator who installs a kernel sees it at once. Loop thread only; the disk is
/// read on another.
class spec_store {
public:
  struct settings {
    std::vector<std::string> extra;  ///< directories that hold NAME/kernel.json, looked at first
    std::string default_name = "python3";
    bool echo = false;
    python_host python;
    std::vector<std::string> native;  ///< names of ipykernel's specs that our runtime is to host
  };

  explicit spec_store(settings s) : settings_(std::move(s)) {}
  void set(settings s) { settings_ = std::move(s); }

  /// Reads the disk again, and logs what is broken when it has become so.
  boost::asio::awaitable<void> refresh(blocking&);
  void refresh_now();  ///< for the start, before there is a loop to hold up

  /// By name, without regard to case; "" means the default. The error names what there is.
  result<installed_spec> find(std::string_view name) const;

  /// All that could be read, by name.
  std::vector<installed_spec> list() const;

  /// The configured default where it exists, else the first by name.
  std::string default_name() const;

private:
  std::vector<std::string> directories() const;
  void take(found_specs);
  void add_builtin(std::map<std::string, installed_spec>&) const;

  settings settings_;
  found_specs found_;
};

}  // namespace kmux::daemon
