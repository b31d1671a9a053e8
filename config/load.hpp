#pragma once
// Defaults < file < environment < flags, and everything that is wrong at once.

#include <map>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/synopsis.hpp"

namespace kmux::config {

/// Something to mend. `origin` is FILE:LINE:COLUMN, an environment variable, or a flag.
struct problem {
  std::string key, origin, message;
};

using environment_map = std::map<std::string, std::string>;
/// The variable's value, or empty.
std::string lookup(const environment_map& environment, const std::string& name);

struct load_result {
  enum class action { run, check, print, version, help, usage_error };

  action what = action::run;
  config value;  ///< complete and checked where `problems` is empty
  std::vector<problem> problems;
  std::map<std::string, std::string> origins;  ///< by key; those that are not there are defaults
  std::string file;                            ///< that was read; empty: none
  std::string text;                            ///< to print, for print, help and usage_error
};

/// argv as main() has it. The file is --config's, else /etc/kmux/kmuxd.toml (root) or
/// $XDG_CONFIG_HOME/kmux/kmuxd.toml where that exists; systemd's CONFIGURATION_DIRECTORY wins.
load_result load(int argc, const char* const* argv, const environment_map& environment);

/// What keeps a running daemon from taking `fresh` over: changes that need a restart.
std::vector<problem> check_reload(const config& current, const config& fresh);

environment_map current_environment();

/// kmuxd's flags, as --help lists them.
synopsis kmuxd_synopsis();

/// The option table for docs/configuration.md.
std::string options_as_markdown();

/// A configuration file with every option in a comment: its help, its default, when it is taken
/// over.
std::string options_as_comments();

}  // namespace kmux::config
