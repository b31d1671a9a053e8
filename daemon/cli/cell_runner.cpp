#include "daemon/cli/cell_runner.hpp"

#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "daemon/cli/terminal.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

using namespace std::chrono_literals;

namespace {

constexpr auto second_thought = 2s;

}  // namespace

std::optional<failure> death_in(const said& m, const std::string& kernel) {
  if (m.type != "status" || m.session != "kmuxd") return std::nullopt;
  const auto content = json::parse_object(m.content, "a status");
  if (!content) return std::nullopt;
  const auto state = text_at(*content, "execution_state");
  if (state != "dead" && state != "restarting" && state != "starting") return std::nullopt;
  auto text = state == "dead" ? std::string("The kernel is dead")
                              : std::string("The kernel was started anew");
  if (const auto reason = text_at(*content, "reason"); !reason.empty()) text += ": " + reason;
  if (const auto tail = text_at(*content, "stderr_tail"); !tail.empty()) text += "\n" + tail;
  return failure{exit_code::failed, text + (text.ends_with('\n') ? "" : "."),
                 fmt::format("kmux describe {0}; kmux logs {0}", kernel.substr(0, 8))};
}

outcome<void> cell_runner::on_signal(int number) {
  const auto now = clock::now();
  if (number == SIGINT && now - interrupted_ > second_thought) {
    interrupted_ = now;
    const auto sent = s_.daemon.ask("POST", "api/kernels/" + channels_.kernel() + "/interrupt");
    if (!sent) return sent.error();
    fmt::print(stderr, "\nkmux: interrupted; once more to leave it running.\n");
    return {};
  }
  return failure{exit_code::timed_out, "The cell goes on alone.",
                 fmt::format("kmux logs {0} --output -f; kmux interrupt {0}",
                             channels_.kernel().substr(0, 8))};
}

outcome<void> cell_runner::answer(const said& question, bool may_ask) {
  const auto content = json::parse_object(question.content, "a question");
  if (!content) return failure_of(content.error());
  const auto* const hidden = json::find(*content, "password");
  std::fflush(stdout);
  const auto line =
      may_ask ? read_answer(text_at(*content, "prompt"), hidden != nullptr && hidden->IsTrue())
              : std::nullopt;
  return channels_.answer(question.header, line.value_or(""));
}

outcome<cell_end> cell_runner::run(std::string_view code, const cell_options& options,
                                   const listener& hear, const listener& other) {
  const auto asked = channels_.send(
      channel::shell, "execute_request",
      fmt::format(
          R"({{"code": {}, "silent": false, "store_history": true, "user_expressions": {{}}, )"
          R"("allow_stdin": {}, "stop_on_error": true}})",
          json_quote(code), options.may_ask));
  if (!asked) return asked.error();
  cell_end out{*asked, {}};
  const auto until =
      options.timeout.count() > 0 ? clock::now() + options.timeout : clock::time_point::max();
  for (bool idle = false; !idle || out.status.empty();) {
    if (const int number = noted_signals::take(); number != 0) {
      if (const auto done = on_signal(number); !done) return done.error();
    }
    const auto got = channels_.receive(std::min(until, clock::now() + noted_signals::longest_wait));
    if (!got) return got.error();
    if (!*got && clock::now() >= until) {
      return failure{exit_code::timed_out, "The cell has not ended in time, and goes on.",
                     "kmux interrupt " + channels_.kernel().substr(0, 8)};
    }
    if (!*got) continue;
    const said& m = **got;
    if (const auto death = death_in(m, channels_.kernel())) return *death;
    if (m.type == "kmux_gap") {
      hear(m);
      continue;
    }
    if (m.parent_id != *asked) {
      if (other) other(m);
      continue;
    }
    hear(m);
    const auto content = json::parse_object(m.content, "a message");
    if (m.type == "input_request") {
      if (const auto sent = answer(m, options.may_ask); !sent) return sent.error();
    } else if (m.type == "execute_reply") {
      out.status = content ? text_at(*content, "status") : "error";
    } else if (m.type == "status" && content) {
      idle = idle || text_at(*content, "execution_state") == "idle";
    }
  }
  return out;
}

}  // namespace kmux::cli
