#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <sstream>

#include "daemon/cli/self_description.hpp"
#include "daemon/system/program_output.hpp"

namespace kmux::cli {

namespace {

using config::synopsis;
using words = std::vector<std::string>;

/// Nobody waits for longer at a prompt.
constexpr std::chrono::seconds patience{2};

/// The line, walked word by word: which command it is in, and which flag still wants its value.
struct cursor {
  std::vector<const synopsis*> path;  ///< from the program down
  const synopsis::flag* wanting = nullptr;
  words connection;  ///< flags that say where kmuxd is, with their values

  const synopsis& here() const { return *path.back(); }

  const synopsis::flag* find_flag(const std::string& name) const {
    for (const auto* const each : path) {
      for (const auto& flag : each->flags) {
        if (std::ranges::count(flag.names, name) > 0) return &flag;
      }
    }
    return nullptr;
  }

  void pass(const std::string& word) {
    if (wanting != nullptr) {
      keep_connection(*wanting, word);
      wanting = nullptr;
    } else if (word.starts_with('-')) {
      const auto equals = word.find('=');
      const auto* const flag = find_flag(word.substr(0, equals));
      if (flag == nullptr || flag->value.empty()) return;
      if (equals == std::string::npos) {
        wanting = flag;
      } else {
        keep_connection(*flag, word.substr(equals + 1));
      }
    } else {
      const auto& commands = here().commands;
      const auto found = std::ranges::find(commands, word, &synopsis::name);
      if (found != commands.end()) path.push_back(&*found);
    }
  }

private:
  void keep_connection(const synopsis::flag& flag, const std::string& value) {
    constexpr std::array places = {"--runtime-dir", "--url",      "--token-file", "--config",
                                   "--tls-ca",      "--tls-cert", "--tls-key"};
    const auto& name = flag.names.back();
    if (std::ranges::find(places, name) != places.end())
      connection.insert(connection.end(), {name, value});
  }
};

std::string offer(const std::string& word, const std::string& what) {
  return what.empty() ? word : word + "\t" + what;
}

/// The ids that `kmux ps` shows, with the kernelspec of each. None where no kmuxd answers.
words kernels(const cursor& at, const std::string& program) {
  words ask = {program};
  ask.insert(ask.end(), at.connection.begin(), at.connection.end());
  ask.emplace_back("ps");
  const auto said = daemon::run_program(ask, patience);
  if (!said || said->status != 0) return {};
  words out = {offer("@last", "the kernel started last")};
  std::istringstream lines(said->text);
  std::string line;
  std::getline(lines, line);  // the column's names
  while (std::getline(lines, line)) {
    std::istringstream columns(line);
    std::string id, spec;
    if (columns >> id >> spec) out.push_back(offer(id, spec));
  }
  return out.size() > 1 ? out : words();
}

words values(const synopsis::flag& flag) {
  if (!flag.choices.empty()) return flag.choices;
  if (flag.value == "FILE") return {"@files"};
  if (flag.value == "DIR") return {"@directories"};
  return {};
}

words flags(const cursor& at) {
  words out;
  for (const auto* const each : at.path) {
    for (const auto& flag : each->flags) {
      for (const auto& name : flag.names)
        out.push_back(offer(name, flag.help));
    }
  }
  return out;
}

words candidates(const cursor& at, const std::string& typed, const std::string& program) {
  if (at.wanting != nullptr && at.wanting->value == "ID") return kernels(at, program);
  if (at.wanting != nullptr) return values(*at.wanting);
  if (typed.starts_with('-')) return flags(at);
  if (!at.here().commands.empty()) {
    words out;
    for (const auto& each : at.here().commands)
      out.push_back(offer(each.name, each.help));
    return out;
  }
  if (at.here().words.find("ID") != std::string::npos) return kernels(at, program);
  if (at.here().words.find("FILE") != std::string::npos) return {"@files"};
  return {};
}

}  // namespace

words complete(const synopsis& what, const words& typed, const std::string& program) {
  cursor at;
  at.path.push_back(&what);
  const std::string last = typed.empty() ? "" : typed.back();
  for (std::size_t i = 0; i + 1 < typed.size(); ++i)
    at.pass(typed[i]);
  words out = candidates(at, last, program);
  std::erase_if(out, [&](const std::string& each) {
    return !each.starts_with(last) && each != "@files" && each != "@directories";
  });
  return out;
}

}  // namespace kmux::cli
