// Commands that change something.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "daemon/cli/command.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

exit_code start(session& s) {
  const auto got =
      ask(s, "POST", "api/kernels", fmt::format(R"({{"name": {}}})", json_quote(s.words[0])));
  if (!got) return got.error();
  const auto model = json::parse_object(*got, "the kernel");
  if (!model) return explain(model.error());
  fmt::print("{}\n", s.as_json ? *got : std::string(*json::string_at(*model, "id")));
  return exit_code::done;
}

/// The same for each of the ids; the first that fails decides what is returned.
exit_code each(session& s, std::string_view method, const std::string& what,
               std::string_view said) {
  auto out = exit_code::done;
  for (const auto& word : s.words) {
    const auto kernel = find_kernel(s, word);
    auto code = kernel.why;
    if (code == exit_code::done) {
      const auto got = ask(s, method, "api/kernels/" + kernel.id + what);
      if (!got) code = got.error();
      if (code == exit_code::done) fmt::print("{} {}\n", kernel.id, said);
    }
    if (out == exit_code::done) out = code;
  }
  return out;
}

exit_code stop(session& s) {
  return each(s, "DELETE", "", "stopped");
}

exit_code interrupt(session& s) {
  return each(s, "POST", "/interrupt", "interrupted");
}

exit_code restart(session& s) {
  return each(s, "POST", "/restart", "restarted");
}

exit_code drain(session& s) {
  std::string body = "{}";
  if (!s.words.empty()) {
    double seconds = -1;
    const auto& word = s.words[0];
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), seconds);
    if (failed != std::errc() || end != word.data() + word.size() || seconds < 0) {
      fmt::print(stderr, "kmux: \"{}\" is not a number of seconds.\n", word);
      return exit_code::usage;
    }
    body = fmt::format(R"({{"deadline": {}}})", seconds);
  }
  const auto got = ask(s, "POST", "api/drain", body);
  if (!got) return got.error();
  fmt::print("{}\n", *got);
  return exit_code::done;
}

exit_code undrain(session& s) {
  const auto got = ask(s, "DELETE", "api/drain");
  return got ? exit_code::done : got.error();
}

/// When the daemon that answers was started; nothing where none answers.
std::string started_at(const daemon_client& daemon) {
  const auto got = daemon.ask("GET", "api/status");
  if (!got) return {};
  const auto status = json::parse_object(got->body, "the status");
  const auto started = status ? json::string_at(*status, "started") : std::nullopt;
  return started ? std::string(*started) : std::string();
}

exit_code upgrade(session& s) {
  const auto before = started_at(s.daemon);
  const auto got = ask(s, "POST", "api/upgrade");
  if (!got) return got.error();
  const auto answered = json::parse_object(*got, "the answer");
  if (!answered) return explain(answered.error());
  const auto at = [&](std::string_view name) {
    return std::string(json::string_at(*answered, name).value_or("kmuxd"));
  };
  fmt::print(stderr, "{} gives way to {} …\n", at("from"), at("to"));
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto now = started_at(s.daemon); !now.empty() && now != before) {
      fmt::print("{}\n", s.as_json ? *got : at("to") + " has taken over");
      return exit_code::done;
    }
    std::this_thread::sleep_for(20ms);
  }
  fmt::print(stderr, "kmux: nobody answers at {} after 30 s. Look at kmuxd's log.\n",
             s.daemon.where().name);
  return exit_code::timed_out;
}

constexpr command table[] = {
    {"start", "SPEC", 1, 1, "start a kernel, and print its id", start},
    {"stop", "ID…", 1, any_number, "end kernels", stop},
    {"interrupt", "ID…", 1, any_number, "interrupt what kernels are doing", interrupt},
    {"restart", "ID…", 1, any_number, "start kernels anew", restart},
    {"drain", "[SECONDS]", 0, 1, "start no more kernels; end those that are left then", drain},
    {"undrain", "", 0, 0, "start kernels again", undrain},
    {"upgrade", "", 0, 0, "let the kmuxd that is installed now take over", upgrade},
};

}  // namespace

std::span<const command> doing() {
  return table;
}

}  // namespace kmux::cli
