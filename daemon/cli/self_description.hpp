#pragma once
// What kmux knows of itself and of kmuxd: for completions in shells and for the manual pages.

#include <iosfwd>
#include <string>
#include <vector>

#include "config/synopsis.hpp"

namespace kmux::cli {

/// What may be typed next: "WORD\tWHAT IT IS" a line, or the one line "@files" or "@directories".
/// `typed` is what stands after the program's name; the last of it, which may be empty, is being
/// typed. `program` is kmux's own file, asked for the kernels that there are.
std::vector<std::string> complete(const config::synopsis& what,
                                  const std::vector<std::string>& typed,
                                  const std::string& program);

/// A manual page (man(7)) of the template: the lines @kmuxd-flags@, @kmuxd-options@, @kmux-flags@
/// and @kmux-commands@ become what they name, and so does @default-file@ in kmuxd.toml's; @version@
/// may stand anywhere.
std::string fill_in(std::istream& page, const config::synopsis& kmux);

/// Two commands which kmux --help does not list: `complete PROGRAM`, with the words on stdin, one a
/// line, and `manual TEMPLATE`. `app` has to outlive the parsing, and to have all of its commands.
void add_self_description(CLI::App& app);

}  // namespace kmux::cli
