#pragma once
// The commands of kmux: one table makes --help, what is accepted, what is done, the manual pages
// and the completions.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/daemon_client.hpp"
#include "daemon/cli/failure.hpp"

namespace kmux::cli {

/// What -o asks for.
enum class format { text, wide, json, name };

/// What a command works with. Data goes to stdout, talk to stderr.
struct session {
  daemon_client daemon;
  std::string runtime_dir, state_dir;  ///< empty where the daemon is somewhere else (--url)
  std::string config_file;             ///< --config; empty: kmuxd's own
  format output = format::text;
  bool yes = false;  ///< --yes: no question
  std::vector<std::string> words{};
  std::map<std::string, std::vector<std::string>> flags{};  ///< by its long name, "follow"

  bool as_json() const noexcept { return output == format::json; }
  bool has(const std::string& flag) const { return flags.contains(flag); }
  /// The last one's value; empty where it was not given.
  std::string value(const std::string& flag) const;
};

/// An option of one command.
struct flag {
  const char* names;  ///< as CLI11 takes them: "-f,--follow"
  const char* value;  ///< for people: "SECONDS"; empty: it takes none
  const char* help;
};

/// What a command's words name: for completions.
enum class word_kind { none, kernel, spec, spec_and_file, file, session, client, choice };

struct command {
  const char* name;
  const char* words;  ///< for people: "ID…"
  word_kind kind;
  std::size_t least, most;
  const char* help;      ///< one line
  const char* examples;  ///< a line each
  std::span<const flag> flags;
  exit_code (*run)(session&);
};

inline constexpr std::size_t any_number = static_cast<std::size_t>(-1);

/// A part of the table, with its title in --help.
struct command_group {
  const char* title;
  std::span<const command> commands;
};
std::span<const command_group> all_commands();

// Its parts, each in the file of that name.
std::span<const command> seeing();    ///< ps, describe, status, specs, sessions, clients, owners
std::span<const command> reading();   ///< logs, messages, events, export
std::span<const command> watching();  ///< top, tree, stack
std::span<const command> doing();     ///< start, stop, …
std::span<const command> using_it();  ///< exec, run, console
std::span<const command> serving();   ///< drain, reload, upgrade, config, doctor, bugreport

/// Of an answer that is an error.
failure failure_of(const answer&);

/// Says what went wrong, and what to try, on stderr.
exit_code explain(const failure&);
exit_code explain(const answer&);

/// The body of the answer to a request that has to succeed. Else why it did not, which has been
/// said.
using body_or_exit = boost::system::result<std::string, exit_code>;
body_or_exit ask(const session&, std::string_view method, const std::string& path,
                 const std::string& body = {});

/// A value of --since, --timeout and the like: "90s", "5m"; a plain number is seconds. Says so
/// where it is none.
boost::system::result<std::chrono::milliseconds, exit_code> duration_flag(
    const session&, const std::string& flag, std::chrono::milliseconds otherwise);

/// Before what cannot be taken back: says `what`, and where people are at both ends asks. True
/// without a question where there is no terminal, or with --yes.
bool may(const session&, const std::string& what);

/// A line on stdout.
exit_code print_line(std::string_view);

}  // namespace kmux::cli
