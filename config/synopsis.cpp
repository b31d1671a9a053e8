#include "config/synopsis.hpp"

#include <sstream>

#include <CLI/CLI.hpp>

namespace kmux::config {

namespace {

/// CLI11 tells choices only in words: "TEXT:{json,text}".
std::vector<std::string> choices_in(const std::string& type) {
  const auto begin = type.find('{');
  const auto end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  std::vector<std::string> out;
  std::istringstream in(type.substr(begin + 1, end - begin - 1));
  for (std::string each; std::getline(in, each, ',');)
    out.push_back(each);
  return out;
}

/// Where the parser itself says no more than that it is text.
const char* value_of(const std::string& flag) {
  if (flag.ends_with("-file")) return "FILE";
  return flag.ends_with("-dir") ? "DIR" : "TEXT";
}

synopsis::flag describe_flag(const CLI::Option& option) {
  synopsis::flag out;
  for (const auto& name : option.get_snames())
    out.names.push_back("-" + name);
  for (const auto& name : option.get_lnames())
    out.names.push_back("--" + name);
  out.help = option.get_description();
  if (option.get_items_expected_max() == 0) return out;
  const auto type = option.get_type_name();
  out.choices = choices_in(type);
  out.value =
      option.get_option_text().empty() ? type.substr(0, type.find(':')) : option.get_option_text();
  if (out.value.empty() || out.value == "TEXT") out.value = value_of(option.get_name());
  return out;
}

}  // namespace

synopsis describe(const CLI::App& parser) {
  synopsis out;
  out.name = parser.get_name();
  out.help = parser.get_description();
  for (const auto* const option : parser.get_options()) {
    if (option->get_group().empty()) continue;
    if (option->nonpositional()) {
      out.flags.push_back(describe_flag(*option));
    } else {
      out.words += (out.words.empty() ? "" : " ") + option->get_option_text();
    }
  }
  for (const auto* const command : parser.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) out.commands.push_back(describe(*command));
  }
  return out;
}

}  // namespace kmux::config
