#pragma once
// The few options of a child's command line.

#include <string>
#include <vector>

namespace kmux::child {

/// The value of --NAME=VALUE, of --NAME VALUE, or of -N VALUE where the name has one letter; empty
/// if it is not there. What is not asked for is left alone: front ends add options of their own.
inline std::string option_value(const std::vector<std::string>& arguments,
                                const std::string& name) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word.starts_with("--" + name + "=")) return word.substr(name.size() + 3);
    const bool here = word == "--" + name || (name.size() == 1 && word == "-" + name);
    if (here && i + 1 < arguments.size()) return arguments[i + 1];
  }
  return {};
}

}  // namespace kmux::child
