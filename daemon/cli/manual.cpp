// Tables in man(7)'s language.
#include <istream>

#include "config/load.hpp"
#include "config/options.hpp"
#include "daemon/cli/self_description.hpp"
#include "daemon/version.hpp"

namespace kmux::cli {

namespace {

using config::synopsis;

/// Text as it is: nothing in it is an escape or a request.
std::string escaped(std::string_view text) {
  constexpr std::string_view dots = "…";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with(dots)) {
      out += "...";
      i += dots.size() - 1;
    } else if (text[i] == '\\') {
      out += "\\e";
    } else if (text[i] == '-') {
      out += "\\-";
    } else if (text[i] == '\'') {
      out += "\\(aq";
    } else {
      out += text[i];
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string bold(std::string_view text) {
  return "\\fB" + escaped(text) + "\\fR";
}

std::string italic(std::string_view text) {
  return text.empty() ? "" : "\\fI" + escaped(text) + "\\fR";
}

std::string sentence(const std::string& help) {
  return escaped(help) + (help.empty() || help.ends_with('.') ? "" : ".");
}

std::string flag_table(const std::vector<synopsis::flag>& flags) {
  std::string out;
  for (const auto& flag : flags) {
    std::string names, choices;
    for (const auto& name : flag.names)
      names += (names.empty() ? "" : ", ") + bold(name);
    for (const auto& each : flag.choices)
      choices += (choices.empty() ? " One of " : ", ") + bold(each);
    out += ".TP\n" + names + (flag.value.empty() ? "" : " " + italic(flag.value)) + "\n" +
           sentence(flag.help) + choices + (choices.empty() ? "" : ".") + "\n";
  }
  return out;
}

/// --help is everybody's, and is told once.
std::vector<synopsis::flag> own_flags(const synopsis& command) {
  auto out = command.flags;
  std::erase_if(out, [](const synopsis::flag& f) { return f.names.back() == "--help"; });
  return out;
}

std::string command_table(const synopsis& of, const std::string& before) {
  std::string out;
  for (const auto& each : of.commands) {
    const auto name = before + each.name;
    out += ".TP\n" + bold(name) + (each.words.empty() ? "" : " " + italic(each.words)) + "\n" +
           sentence(each.help) + "\n";
    if (const auto flags = own_flags(each); !flags.empty()) {
      out += ".RS\n" + flag_table(flags) + ".RE\n";
    }
    out += command_table(each, name + " ");
  }
  return out;
}

std::string option_table() {
  const config::config defaults;
  std::string out, section;
  for (const auto* const o : config::options_as_in_a_file()) {
    if (o->section() != section) out += ".SS " + escaped("[" + o->section() + "]") + "\n";
    section = o->section();
    out += ".TP\n" + bold(o->name()) + " = " + italic(o->show(defaults)) + "\n" + sentence(o->help);
    for (const auto& each : o->choices)
      out += (&each == &o->choices.front() ? " One of " : ", ") + bold(each);
    out += std::string(o->choices.empty() ? "" : ".") +
           (o->reloadable ? "" : " A change needs a restart.") + "\n";
  }
  return out;
}

std::string insertion(const std::string& name, const synopsis& kmux) {
  if (name == "@kmuxd-flags@") return flag_table(config::kmuxd_synopsis().flags);
  if (name == "@kmuxd-options@") return option_table();
  if (name == "@kmux-flags@") return flag_table(kmux.flags);
  if (name == "@kmux-commands@") return command_table(kmux, "");
  if (name == "@default-file@") return config::options_as_comments();
  return {};
}

}  // namespace

std::string fill_in(std::istream& page, const synopsis& kmux) {
  constexpr std::string_view version = "@version@";
  std::string out;
  for (std::string line; std::getline(page, line);) {
    if (const auto inserted = insertion(line, kmux); !inserted.empty()) {
      out += inserted;
      continue;
    }
    if (const auto at = line.find(version); at != std::string::npos) {
      line.replace(at, version.size(), daemon::kmux_version);
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace kmux::cli
