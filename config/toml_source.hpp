#pragma once
// A TOML file as words with their places.

#include <string>
#include <vector>

#include "config/load.hpp"

namespace kmux::config {

struct file_value {
  std::string key;
  std::vector<std::string> words;
  bool is_list = false;
  std::string origin;  ///< FILE:LINE:COLUMN
};

/// The file's values in order; what cannot be read goes to `problems`.
std::vector<file_value> read_toml(const std::string& path, std::vector<problem>& problems);

}  // namespace kmux::config
