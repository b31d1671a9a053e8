// Commands that read what kernels have said.
#include <cstdio>

#include <fmt/format.h>

#include "daemon/cli/command.hpp"
#include "daemon/cli/event_lines.hpp"
#include "daemon/cli/export_notebook.hpp"
#include "daemon/cli/journal_lines.hpp"
#include "daemon/cli/json_members.hpp"
#include "daemon/cli/render.hpp"
#include "daemon/cli/table.hpp"
#include "daemon/cli/terminal.hpp"

namespace kmux::cli {

namespace {

using namespace std::chrono_literals;

/// What --since asks for, in seconds before now.
boost::system::result<double, exit_code> since(const session& s) {
  const auto wanted = duration_flag(s, "since", 100000h);
  if (!wanted) return wanted.error();
  return std::chrono::duration<double>(*wanted).count();
}

struct selected {
  kernel_view kernel;
  bool live = true;
};

outcome<selected> select(const session& s) {
  const auto list = list_kernels(s);
  if (!list) return list.error();
  const auto kernel = find_kernel(s, *list, s.words.front());
  if (!kernel) return kernel.error();
  return selected{*kernel, list->live};
}

/// Flushed at once: somebody may wait for it. False: nobody reads it any more.
bool put(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

exit_code show_output(const session& s, const selected& of) {
  const auto age = since(s);
  if (!age) return age.error();
  const message_query query{{}, {}, "iopub", s.has("follow")};
  const auto done = each_message(s, of.kernel, of.live, query, [&](std::string_view line) {
    const auto m = json::parse_object(line, "a message");
    if (!m || seconds_since(text_at(*m, "time")) > *age) return true;
    const auto content = json::dump(object_at(*m, "content"));
    show(render(text_at(object_at(*m, "header"), "msg_type"), content));
    return true;
  });
  return done ? exit_code::done : explain(done.error());
}

exit_code logs(session& s) {
  const auto of = select(s);
  if (!of) return explain(of.error());
  if (s.has("output")) return show_output(s, *of);
  if (s.has("since")) {
    return explain({exit_code::usage, "A process's log has no times; what the kernel said has.",
                    fmt::format("kmux logs {} --output --since {}", s.words[0], s.value("since"))});
  }
  const bool terminal = size_of_screen().columns > 0 && colour_wanted();
  const auto done = each_log_piece(
      s, of->kernel, of->live, s.has("follow"),
      [&](std::string_view piece) { return put(terminal ? harmless(piece) : std::string(piece)); });
  return done ? exit_code::done : explain(done.error());
}

/// "12  06:51:02.123456  iopub  stream  hello"
std::string line_of(const json::value& m) {
  const auto time = text_at(m, "time");
  const auto type = text_at(object_at(m, "header"), "msg_type");
  return fmt::format("{:>6}  {}  {:<7}  {:<16}  {}\n", integer_at(m, "seq"),
                     time.size() > 11 ? time.substr(11, 15) : time, text_at(m, "channel"), type,
                     summary_of(type, json::dump(object_at(m, "content"))));
}

exit_code messages(session& s) {
  const auto of = select(s);
  if (!of) return explain(of.error());
  const auto age = since(s);
  if (!age) return age.error();
  const message_query query{s.value("parent"), s.value("type"), s.value("channel"),
                            s.has("follow")};
  const auto done = each_message(s, of->kernel, of->live, query, [&](std::string_view line) {
    const auto m = json::parse_object(line, "a message");
    if (m && seconds_since(text_at(*m, "time")) > *age) return true;
    return put(s.as_json() || !m ? std::string(line) + "\n" : line_of(*m));
  });
  return done ? exit_code::done : explain(done.error());
}

exit_code export_it(session& s) {
  const auto of = select(s);
  if (!of) return explain(of.error());
  notebook_fold fold(of->kernel.spec);
  const auto done = each_message(s, of->kernel, of->live, {}, [&](std::string_view line) {
    fold.add(line);
    return true;
  });
  if (!done) return explain(done.error());
  fmt::print(stderr, "{} cells of kernel {}.\n", fold.size(), of->kernel.id);
  return print_line(fold.json());
}

constexpr flag logs_flags[] = {
    {"-f,--follow", "", "go on with what comes"},
    {"--output", "", "what its cells have printed, instead of what the process itself wrote"},
    {"--since", "TIME", "with --output: not older than 10m, 2h"},
};
constexpr flag messages_flags[] = {
    {"-f,--follow", "", "go on with what comes"},
    {"--parent", "MSG_ID", "what belongs to that request"},
    {"--type", "TYPE", "of that msg_type: stream, execute_reply"},
    {"--channel", "CHANNEL", "iopub, shell, control or stdin"},
    {"--since", "TIME", "not older than 10m, 2h"},
};

constexpr flag events_flags[] = {
    {"-f,--follow", "", "go on with what comes"},
    {"-n,--lines", "N", "begin with the newest N"},
    {"--after", "N", "those with larger numbers, and what is not kept any more"},
    {"--kernel", "ID", "of that kernel, also of one that is gone"},
    {"--type", "TYPE", "of that name: kernel_ended; several with commas between"},
    {"--since", "TIME", "not older than 10m, 2h"},
};

constexpr command table[] = {
    {"logs", "ID", word_kind::kernel, 1, 1, "what a kernel's process wrote, or its output",
     "  kmux logs @last -f\n"
     "  kmux logs 3f2a --output --since 1h",
     logs_flags, logs},
    {"messages", "ID", word_kind::kernel, 1, 1, "what a kernel has said, from its journal",
     "  kmux messages 3f2a --type error\n"
     "  kmux messages @last -f -o json | jq .content",
     messages_flags, messages},
    {"events", "", word_kind::none, 0, 0, "what has happened: kernels' lives, clients, refusals",
     "  kmux events --since 1h\n"
     "  kmux events -f --kernel @last\n"
     "  kmux events --type kernel_ended,kernel_culled -n 20 -o json",
     events_flags, events},
    {"export",
     "ID",
     word_kind::kernel,
     1,
     1,
     "a notebook of what its journal holds, on stdout",
     "  kmux export 3f2a > lost.ipynb",
     {},
     export_it},
};

}  // namespace

std::span<const command> reading() {
  return table;
}

}  // namespace kmux::cli
