// Commands about kmuxd itself.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <sys/utsname.h>
#include <thread>

#include <fmt/format.h>

#include "daemon/cli/command.hpp"
#include "daemon/cli/configuration.hpp"
#include "daemon/cli/doctor.hpp"
#include "daemon/cli/json_members.hpp"
#include "daemon/cli/kernels.hpp"
#include "daemon/cli/table.hpp"
#include "daemon/cli/tokens.hpp"
#include "daemon/cli/waiting.hpp"
#include "daemon/version.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto check_patience = 90s;  ///< kmuxd asks its successor twice, for 30 s at most

exit_code drain(session& s) {
  std::string body = "{}";
  if (!s.words.empty()) {
    double seconds = -1;
    const auto& word = s.words[0];
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), seconds);
    if (failed != std::errc() || end != word.data() + word.size() || seconds < 0) {
      return explain({exit_code::usage, fmt::format("\"{}\" is not a number of seconds.", word),
                      "kmux drain --help"});
    }
    body = fmt::format(R"({{"deadline": {}}})", seconds);
    if (!may(s, fmt::format("Ends all kernels that are left in {} s", word))) {
      return exit_code::refused;
    }
  }
  const auto got = ask(s, "POST", "api/drain", body);
  return got ? print_line(*got) : got.error();
}

exit_code undrain(session& s) {
  const auto got = ask(s, "DELETE", "api/drain");
  return got ? exit_code::done : got.error();
}

exit_code reload(session& s) {
  const auto got = s.daemon.ask("POST", "api/reload");
  if (!got) return explain(got.error());
  if (got->status == 409) {
    return explain({exit_code::refused, got->message(), "kmux config check"});
  }
  if (!got->ok()) return explain(*got);
  fmt::print(stderr, "The configuration is in force.\n");
  return exit_code::done;
}

/// When the daemon that answers was started; nothing where none answers.
std::string started_at(const daemon_client& daemon) {
  const auto got = daemon.ask("GET", "api/status");
  const auto status = got ? json::parse_object(got->body, "the status")
                          : result<rapidjson::Document>(error{errc::io, ""});
  return status ? text_at(*status, "started") : std::string();
}

exit_code upgrade(session& s) {
  const auto before = started_at(s.daemon);
  const auto got = s.daemon.ask("POST", "api/upgrade", {}, check_patience);
  if (!got) return explain(got.error());
  if (got->status == 409) {
    return explain({exit_code::refused, got->message(), "kmux config check; kmux doctor"});
  }
  if (!got->ok()) return explain(*got);
  const auto answered = json::parse_object(got->body, "the answer");
  if (!answered) return explain(failure_of(answered.error()));
  const auto to = text_at(*answered, "to");
  fmt::print(stderr, "{} gives way to {} …\n", text_at(*answered, "from"), to);
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  progress shown("upgrade");
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto now = started_at(s.daemon); !now.empty() && now != before) {
      return print_line(s.as_json() ? got->body : to + " has taken over");
    }
    shown.tell("nobody answers");
    std::this_thread::sleep_for(20ms);
  }
  return explain(
      {exit_code::timed_out,
       fmt::format("nobody answers at {} after 30 s. Look at kmuxd's log.", s.daemon.where().name),
       "journalctl -u kmuxd -e; kmux doctor"});
}

/// For whoever helps from afar: without owners, paths of work, code and output.
exit_code bugreport(session& s) {
  utsname system{};
  ::uname(&system);
  fmt::print("# kmux bug report\n\nkmux {}\n{} {} {}\n\n## doctor\n\n{}\n", daemon::kmux_version,
             system.sysname, system.release, system.machine, show_findings(examine(s)));
  if (!s.runtime_dir.empty()) {
    fmt::print("## configuration that is no default\n\n{}\n",
               show_configuration(load_configuration(s), true));
  }
  if (const auto got = s.daemon.ask("GET", "api/status")) {
    fmt::print("## status\n\n{}\n\n", got->body);
  }
  const auto list = list_kernels(s);
  if (!list) return exit_code::done;
  table_rows rows = {
      {"ID", "SPEC", "STATE", "STARTED", "CLIENTS", "RESTARTS", "MESSAGES", "JOURNAL", "EXIT"}};
  for (const auto& each : list->all) {
    const auto model = json::parse_object(each.model, "the kernel");
    const auto& exit = object_at(object_at(*model, "kmux"), "exit");
    rows.push_back({each.id.substr(0, 8), each.spec, each.state, each.started,
                    show_count(each.connections), show_count(each.restarts), show_count(each.seq),
                    each.journal, text_at(exit, "detail")});
  }
  fmt::print("## kernels\n\n{}", as_table(rows));
  fmt::print(stderr,
             "No owner, code, output, token or environment is in it; configured paths and "
             "names are: read it before you give it away.\n");
  return exit_code::done;
}

constexpr command table[] = {
    {"drain",
     "[SECONDS]",
     word_kind::none,
     0,
     1,
     "start no more kernels; end those that are left then",
     "  kmux drain\n"
     "  kmux drain 3600",
     {},
     drain},
    {"undrain", "", word_kind::none, 0, 0, "start kernels again", "  kmux undrain", {}, undrain},
    {"reload",
     "",
     word_kind::none,
     0,
     0,
     "read the configuration again, all of it or nothing",
     "  kmux config check && kmux reload",
     {},
     reload},
    {"upgrade",
     "",
     word_kind::none,
     0,
     0,
     "let the kmuxd that is installed now take over",
     "  kmux upgrade",
     {},
     upgrade},
    {"config",
     "show|check|diff",
     word_kind::choice,
     1,
     1,
     "the configuration: each value and its origin, what is wrong, what is no default",
     "  kmux config show\n"
     "  kmux config check --config /etc/kmux/kmuxd.toml\n"
     "  kmux config diff",
     {},
     configuration},
    {"token", "create|list|revoke|rotate [NAME]", word_kind::choice, 1, 2,
     "tokens by name: who may come in with them, for what, until when",
     "  kmux token create laptop --expires 720h\n"
     "  kmux token create monitoring --owner prometheus --scopes observe\n"
     "  kmux token list\n"
     "  kmux token rotate laptop",
     token_flags, token},
    {"doctor",
     "",
     word_kind::none,
     0,
     0,
     "look for what is not as it should be, and say how to mend it",
     "  kmux doctor",
     {},
     doctor},
    {"bugreport",
     "",
     word_kind::none,
     0,
     0,
     "what to give to whoever helps; without secrets",
     "  kmux bugreport > report.txt",
     {},
     bugreport},
};

}  // namespace

std::span<const command> serving() {
  return table;
}

}  // namespace kmux::cli
