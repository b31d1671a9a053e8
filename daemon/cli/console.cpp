// kmux console: a terminal on a kernel, which goes on when it is left.
#include "daemon/cli/console.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <deque>
#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/cell_runner.hpp"
#include "daemon/cli/json_members.hpp"
#include "daemon/cli/kernels.hpp"
#include "daemon/cli/line_editor.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/terminal.hpp"
#include "protocol/json.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 1s;  ///< for answers about code: a busy kernel may give none
constexpr int lines_of_history = 200;

/// What is shown of what others do.
std::string of_others(const said& m) {
  if (m.type == "execute_input") {
    const auto content = json::parse_object(m.content, "a cell");
    if (!content) return {};
    return painted(fmt::format("[{}] ", integer_at(*content, "execution_count")), "2") +
           harmless(text_at(*content, "code")) + "\n";
  }
  return harmless(render(m.type, m.content).text);
}

class terminal_on_kernel {
public:
  terminal_on_kernel(const session& s, kernel_channels& channels)
      : s_(s),
        channels_(channels),
        editor_({[this](std::string_view line) { return complete(line); },
                 [this] { return channels_.fd(); }, [this] { return hear(); }}) {}

  exit_code run() {
    recall();
    for (;;) {
      std::string code;
      const auto how = read_cell(code);
      if (how == line_editor::how::interrupted) {
        fmt::print("^C\n");
        continue;
      }
      if (how != line_editor::how::line) return leave();
      if (problem_) return explain(*problem_);
      if (code.find_first_not_of(" \t\n") == std::string::npos) continue;
      editor_.remember(code);
      if (const auto done = execute(code); done != exit_code::done) return done;
    }
  }

private:
  exit_code leave() const {
    if (problem_) return explain(*problem_);
    fmt::print(stderr, "\nLeft. The kernel goes on: kmux console {}\n",
               channels_.kernel().substr(0, 8));
    return exit_code::done;
  }

  /// Lines, until the kernel says that they are a whole.
  line_editor::how read_cell(std::string& code) {
    std::string indent;
    for (bool first = true;; first = false) {
      std::string line;
      const auto how = editor_.read(first ? ">>> " : "... ", indent, line);
      if (how != line_editor::how::line || problem_) return how;
      code += (first ? "" : "\n") + line;
      begun_ = code + "\n";
      const bool blank = line.find_first_not_of(" \t") == std::string::npos;
      if ((!first && blank) || whole(code, indent)) {
        begun_.clear();
        return how;
      }
    }
  }

  bool whole(const std::string& code, std::string& indent) {
    const auto told =
        ask("is_complete_request", fmt::format(R"({{"code": {}}})", json_quote(code)));
    const auto reply = json::parse_object(told, "is_complete_reply");
    if (!reply || text_at(*reply, "status") != "incomplete") return true;
    indent = text_at(*reply, "indent");
    return false;
  }

  completions complete(std::string_view line) {
    const std::string code = begun_ + std::string(line);
    const auto length = [](std::string_view text) {
      return static_cast<std::int64_t>(std::ranges::count_if(
          text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    };
    const auto told = ask("complete_request", fmt::format(R"({{"code": {}, "cursor_pos": {}}})",
                                                          json_quote(code), length(code)));
    completions out;
    const auto reply = json::parse_object(told, "complete_reply");
    const auto* const matches = reply ? json::find(*reply, "matches") : nullptr;
    const auto start = reply ? integer_at(*reply, "cursor_start") - length(begun_) : -1;
    if (matches == nullptr || !matches->IsArray() || start < 0) return out;
    out.begin = static_cast<std::size_t>(start);
    for (const auto& each : matches->GetArray()) {
      if (each.IsString()) out.matches.emplace_back(each.GetString(), each.GetStringLength());
    }
    return out;
  }

  /// What was typed on this kernel, by whoever.
  void recall() {
    const auto told =
        ask("history_request",
            fmt::format(R"({{"hist_access_type": "tail", "n": {}, "raw": true, "output": false}})",
                        lines_of_history));
    const auto reply = json::parse_object(told, "history_reply");
    const auto* const lines = reply ? json::find(*reply, "history") : nullptr;
    if (lines == nullptr || !lines->IsArray()) return;
    for (const auto& each : lines->GetArray()) {
      if (each.IsArray() && each.Size() == 3 && each[2].IsString()) {
        editor_.remember(each[2].GetString());
      }
    }
  }

  /// The reply's content; empty where none came in time. What comes meanwhile is shown later.
  std::string ask(std::string_view type, const std::string& content) {
    const auto asked = channels_.send(channel::shell, type, content);
    const auto until = clock::now() + patience;
    while (asked && clock::now() < until) {
      auto got = channels_.receive(until);
      if (!got) break;
      if (!*got) continue;
      if ((*got)->parent_id == *asked) {
        if ((*got)->channel == "shell") return (*got)->content;
      } else {
        later_.push_back(std::move(**got));
      }
    }
    return {};
  }

  /// What has come, as text; the editor shows it.
  std::string hear() {
    std::string out;
    for (const auto& each : std::exchange(later_, {}))
      out += of_others(each);
    do {
      const auto got = channels_.receive(clock::now());
      if (!got) {
        problem_ = got.error();
        std::raise(SIGQUIT);  // noted: the editor ends its wait
        return out;
      }
      if (!*got) return out;
      if (const auto death = death_in(**got, channels_.kernel())) {
        out += painted("kmux: " + death->text, "31") + "\n";
      }
      out += of_others(**got);
    } while (channels_.buffered());
    return out;
  }

  exit_code execute(const std::string& code) {
    for (const auto& each : std::exchange(later_, {}))
      fmt::print("{}", of_others(each));
    cell_runner runner(s_, channels_);
    const auto end = runner.run(
        code, {true, 0ms}, [](const said& m) { show_own(m); },
        [](const said& m) {
          fmt::print("{}", of_others(m));
          std::fflush(stdout);
        });
    if (end) return exit_code::done;
    if (end.error().code == exit_code::timed_out) {
      leave();
      return exit_code::timed_out;
    }
    // A kernel that died may be there again.
    fmt::print(stderr, "kmux: {}\n", end.error().text);
    return end.error().code == exit_code::failed ? exit_code::done : end.error().code;
  }

  static void show_own(const said& m) {
    auto text = render(m.type, m.content);
    text.error = false;  // in the order in which it was said
    show(text);
  }

  const session& s_;
  kernel_channels& channels_;
  line_editor editor_;
  std::deque<said> later_;
  std::string begun_;  ///< the cell's lines before the one that is edited
  std::optional<failure> problem_;
};

exit_code watch(kernel_channels& channels) {
  fmt::print(stderr, "What others do on {}. Ctrl-C leaves.\n", channels.kernel());
  while (noted_signals::take() == 0) {
    const auto got = channels.receive(clock::now() + noted_signals::longest_wait);
    if (!got) return explain(got.error());
    if (!*got) continue;
    if (const auto death = death_in(**got, channels.kernel())) {
      fmt::print(stderr, "kmux: {}\n", death->text);
    }
    fmt::print("{}", of_others(**got));
    std::fflush(stdout);
  }
  return exit_code::done;
}

}  // namespace

exit_code console(session& s) {
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  if (!terminal && !s.has("read-only")) {
    return explain({exit_code::usage, "kmux console needs a terminal.",
                    fmt::format("kmux exec {} -c CODE", s.words[0])});
  }
  const auto kernel = find_kernel(s, s.words[0]);
  if (!kernel) return explain(kernel.error());
  const noted_signals watched(true);
  auto channels = kernel_channels::open(
      s.daemon, kernel->id, static_cast<std::uint64_t>(std::max<std::int64_t>(kernel->seq, 0)));
  if (!channels) return explain(channels.error());
  if (s.has("read-only")) return watch(*channels);
  fmt::print(stderr,
             "Kernel {} ({}). Ctrl-C interrupts, Tab completes, Ctrl-D or Ctrl-\\ leaves it "
             "running.\n",
             kernel->id, kernel->spec);
  const auto out = terminal_on_kernel(s, *channels).run();
  channels->close();
  return out;
}

}  // namespace kmux::cli
