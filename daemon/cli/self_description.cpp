#include "daemon/cli/self_description.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "config/load.hpp"

namespace kmux::cli {

namespace {

void print_candidates(const CLI::App& app, const std::string& program) {
  std::vector<std::string> typed;
  for (std::string word; std::getline(std::cin, word);)
    typed.push_back(word);
  const auto what = program == "kmuxd" ? config::kmuxd_synopsis() : config::describe(app);
  const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
  for (const auto& each : complete(what, typed, self))
    fmt::print("{}\n", each);
}

void print_page(const CLI::App& app, const std::string& file) {
  std::ifstream page(file);
  if (!page) throw std::runtime_error("cannot read " + file);
  fmt::print("{}", fill_in(page, config::describe(app)));
}

/// `run` is given the command's only word, and what it does is all that is done.
template <class Run>
void add_hidden(CLI::App& app, const char* name, const char* help, const char* word, Run run) {
  auto* const sub = app.add_subcommand(name, help)->group("");
  const auto given = std::make_shared<std::string>();
  sub->add_option("word", *given, word)->required()->option_text(word);
  sub->callback([&app, given, run] {
    run(app, *given);
    throw CLI::Success();
  });
}

}  // namespace

void add_self_description(CLI::App& app) {
  add_hidden(app, "complete", "what may be typed next, for shells", "PROGRAM", print_candidates);
  add_hidden(app, "manual", "fill in a manual page's tables", "TEMPLATE", print_page);
}

}  // namespace kmux::cli
