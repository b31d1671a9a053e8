#pragma once
// The commands of kmux: one table makes --help, what is accepted, and what is done.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "daemon/cli/daemon_client.hpp"
#include "daemon/cli/exit_code.hpp"

namespace kmux::cli {

/// What a command works with. Data goes to stdout, talk to stderr.
struct session {
  daemon_client daemon;
  bool as_json = false;  ///< -o json: what the API says, as it is
  std::vector<std::string> words;
};

struct command {
  const char* name;
  const char* words;  ///< for people: "ID…"
  std::size_t least, most;
  const char* help;
  exit_code (*run)(session&);
};

inline constexpr std::size_t any_number = static_cast<std::size_t>(-1);

std::span<const command> seeing();  ///< ps, status, specs
std::span<const command> doing();   ///< start, stop, …, upgrade

/// Says what went wrong, and what to try, on stderr.
exit_code explain(const failure&);
exit_code explain(const error&);  ///< of an answer that makes no sense
exit_code explain(const answer&);

/// The body of the answer to a request that has to succeed. Else why it did not, which has been
/// said.
using body_or_exit = boost::system::result<std::string, exit_code>;
body_or_exit ask(const session&, std::string_view method, const std::string& path,
                 const std::string& body = {});

/// The id that begins with `prefix`; @last is the kernel started last. Says so where there is none,
/// or more than one.
struct found_kernel {
  std::string id;
  exit_code why = exit_code::done;
};
found_kernel find_kernel(const session&, const std::string& prefix);

}  // namespace kmux::cli
