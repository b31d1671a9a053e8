#include "config/toml_source.hpp"

#include <sstream>

#include <toml++/toml.h>

namespace kmux::config {

namespace {

std::string place(const std::string& file, const toml::source_region& region) {
  std::ostringstream out;
  out << file << ':' << region.begin.line << ':' << region.begin.column;
  return out.str();
}

/// A scalar as the word that a flag would have.
bool to_word(const toml::node& node, std::string& out) {
  if (const auto* const text = node.as_string()) {
    out = text->get();
  } else if (const auto* const whole = node.as_integer()) {
    out = std::to_string(whole->get());
  } else if (const auto* const real = node.as_floating_point()) {
    std::ostringstream digits;
    digits << real->get();
    out = digits.str();
  } else if (const auto* const truth = node.as_boolean()) {
    out = truth->get() ? "true" : "false";
  } else {
    return false;
  }
  return true;
}

struct reader {
  const std::string& file;
  std::vector<file_value>& values;
  std::vector<problem>& problems;

  void read(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key = prefix + std::string(name.str());
      if (const auto* const inner = node.as_table()) {
        read(*inner, key + ".");
      } else {
        read_value(key, node, place(file, name.source()));
      }
    }
  }

  void read_value(const std::string& key, const toml::node& node, const std::string& where) {
    file_value value;
    value.key = key;
    value.origin = where;
    const auto wrong = [&] {
      problems.push_back(
          {key, where, "write a string, a number, true, false or a list of strings"});
    };
    if (const auto* const array = node.as_array()) {
      value.is_list = true;
      for (const auto& each : *array) {
        if (!to_word(each, value.words.emplace_back())) return wrong();
      }
    } else if (!to_word(node, value.words.emplace_back())) {
      return wrong();
    }
    values.push_back(std::move(value));
  }
};

}  // namespace

std::vector<file_value> read_toml(const std::string& path, std::vector<problem>& problems) {
  std::vector<file_value> values;
  try {
    const toml::table table = toml::parse_file(path);
    reader{path, values, problems}.read(table, "");
  } catch (const toml::parse_error& e) {
    problems.push_back({"(file)", place(path, e.source()), std::string(e.description())});
  }
  return values;
}

}  // namespace kmux::config
