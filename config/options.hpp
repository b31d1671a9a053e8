#pragma once
// The one table from which the file, the environment, the flags, --help and the manual are made.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace kmux::config {

struct option {
  enum class kind { text, list, boolean, number, size, duration };

  std::string key;  ///< "server.listen"; in the file [server] listen = …
  kind type;
  bool reloadable;   ///< SIGHUP takes it over
  std::string help;  ///< one line
  /// Takes the words (one, but for lists) or says what should be written instead.
  std::function<std::string(config&, const std::vector<std::string>&)> set;
  std::function<std::string(const config&)> show;  ///< as TOML
  std::vector<std::string> choices = {};           ///< all that it may be; empty: anything

  std::string section() const;   ///< server; empty for one without
  std::string name() const;      ///< listen
  std::string variable() const;  ///< KMUX_SERVER_LISTEN
  std::string flag() const;      ///< --listen, or --server-base-url
};

const std::vector<option>& options();

/// The same in a file's order: TOML wants those without a section first.
std::vector<const option*> options_as_in_a_file();

/// The known word that is most like `word`; empty if none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace kmux::config
