#pragma once
// A program's flags, commands and help as plain data: what completions and manual pages are made
// of.

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace kmux::config {

/// What is typed on a command line. Owns its text; any thread.
struct synopsis {
  struct flag {
    std::vector<std::string> names;    ///< {"-o", "--output"}
    std::string value;                 ///< "FILE"; empty where it takes none
    std::vector<std::string> choices;  ///< all that the value may be; empty: anything
    std::string help;
  };
  std::string name;
  std::string words;  ///< "ID…", as the help has it
  std::string help;
  std::vector<flag> flags;
  std::vector<synopsis> commands;
};

/// What the parser takes, without what it hides from its own help.
synopsis describe(const CLI::App& parser);

}  // namespace kmux::config
