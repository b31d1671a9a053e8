#include "proc/child/echo_interpreter.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "protocol/ids.hpp"
#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux::child {

namespace {

using std::chrono::milliseconds;

struct line {
  std::string_view command, rest;
  const execute_request& request;
  execution& world;

  /// The words after the command as numbers; absent ones are 0.
  std::array<double, 2> numbers() const {
    std::array<double, 2> out{};
    const std::string text(rest);
    char* at = const_cast<char*>(text.c_str());
    for (auto& each : out)
      each = std::strtod(at, &at);
    return out;
  }
  std::size_t count(std::size_t index) const {
    const double value = numbers()[index];
    return value > 0 && value < 1e9 ? static_cast<std::size_t>(value) : 0;
  }
  milliseconds duration(std::size_t index) const {
    const double value = numbers()[index];
    return milliseconds(value > 0 && value < 1e6 ? static_cast<long>(value * 1000) : 0);
  }
};

const execute_result done;
const execute_result interrupted{false, "KeyboardInterrupt", "", {}};

execute_result print(const line& l, std::string_view stream) {
  l.world.stream(stream, std::string(l.rest) + "\n");
  return done;
}

execute_result result(const line& l) {
  l.world.result(l.rest, l.request.execution_count);
  return done;
}

execute_result buffers(const line& l) {
  const std::string bytes(std::min<std::size_t>(l.count(1), 1 << 28), 'b');
  const std::vector<std::string_view> list(std::min<std::size_t>(l.count(0), 4000), bytes);
  l.world.publish("display_data",
                  R"({"data": {"text/plain": "buffers"}, "metadata": {}, "transient": {}})", "{}",
                  list);
  return done;
}

execute_result ask(const line& l, bool password) {
  const auto answer = l.world.input(l.rest, password);
  if (answer) {
    l.world.stream("stdout", *answer + "\n");
    return done;
  }
  if (l.world.interrupted()) return interrupted;
  return {false, "StdinNotImplementedError", "this client does not take input requests", {}};
}

execute_result spin(const line& l) {
  const auto until = std::chrono::steady_clock::now() + l.duration(0);
  while (std::chrono::steady_clock::now() < until) {
    if (l.world.interrupted()) return interrupted;
  }
  return done;
}

execute_result count(const line& l) {
  for (std::size_t i = 1; i <= l.count(0); ++i) {
    l.world.stream("stdout", fmt::format("{}\n", i));
    if (!l.world.sleep(l.duration(1))) return interrupted;
  }
  return done;
}

execute_result flood(const line& l) {
  const std::string content =
      fmt::format(R"({{"name": "stdout", "text": "{}"}})", std::string(l.count(1), 'x'));
  for (std::size_t i = 0; i < l.count(0); ++i) {
    if (i % 1024 == 0 && l.world.interrupted()) return interrupted;
    l.world.publish("stream", content);  // not stream(): each is to be a message
  }
  return done;
}

execute_result big(const line& l) {
  const auto bytes = static_cast<std::size_t>(std::min(l.numbers()[0], 2000.0) * 1e6);
  // Not by display(): quoting and formatting would take longer than all that follows.
  std::string content = R"({"metadata": {}, "transient": {}, "data": {"text/plain": ")";
  content.append(bytes, 'x');
  content += R"("}})";
  l.world.publish("display_data", content);
  return done;
}

execute_result fail(const line& l) {
  const auto space = l.rest.find(' ');
  return {false,
          std::string(l.rest.empty() ? "Error" : l.rest.substr(0, space)),
          space == std::string_view::npos ? "" : std::string(l.rest.substr(space + 1)),
          {}};
}

[[noreturn]] void crash(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  std::_Exit(1);  // not reached: the default of these signals is death
}

execute_result hang() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;)
    ::pause();
}

execute_result raw(const line& l) {
  const std::string text = std::string(l.rest) + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) return {false, "OSError", "write", {}};
  return done;
}

using command = std::function<execute_result(const line&)>;

const std::map<std::string_view, command>& commands() {
  static const std::map<std::string_view, command> table = {
      {"echo", [](const line& l) { return print(l, "stdout"); }},
      {"stderr", [](const line& l) { return print(l, "stderr"); }},
      {"display",
       [](const line& l) {
         l.world.display(l.rest);
         return done;
       }},
      {"result", result},
      {"buffers", buffers},
      {"input", [](const line& l) { return ask(l, false); }},
      {"password", [](const line& l) { return ask(l, true); }},
      {"error", fail},
      {"sleep", [](const line& l) { return l.world.sleep(l.duration(0)) ? done : interrupted; }},
      {"spin", spin},
      {"count", count},
      {"flood", flood},
      {"big", big},
      {"nan",
       [](const line& l) {
         l.world.publish("display_data",
                         R"({"data": {"application/json": NaN}, "metadata": {}, "transient": {}})");
         return done;
       }},
      {"crash", [](const line&) -> execute_result { crash(SIGSEGV); }},
      {"abort", [](const line&) -> execute_result { crash(SIGABRT); }},
      {"exit", [](const line& l) -> execute_result { std::_Exit(static_cast<int>(l.count(0))); }},
      {"hang", [](const line&) { return hang(); }},
      {"raw", raw},
      {"env",
       [](const line& l) {
         const char* const value = std::getenv(std::string(l.rest).c_str());
         l.world.stream("stdout", std::string(value == nullptr ? "" : value) + "\n");
         return done;
       }},
      {"clear",
       [](const line& l) {
         l.world.publish("clear_output", R"({"wait": false})");
         return done;
       }},
  };
  return table;
}

}  // namespace

std::string echo_interpreter::kernel_info() const {
  return R"({"implementation": "kmux-echo", "implementation_version": "0.1.0", )"
         R"("banner": "kmux's echo kernel", "language_info": {"name": "echo", "version": "1.0", )"
         R"("mimetype": "text/plain", "file_extension": ".txt"}})";
}

execute_result echo_interpreter::execute(const execute_request& request, execution& world) {
  std::string_view code = request.code;
  while (!code.empty()) {
    const auto end = code.find('\n');
    const auto text = code.substr(0, end);
    code.remove_prefix(end == std::string_view::npos ? code.size() : end + 1);
    if (text.empty()) continue;
    const auto space = text.find(' ');
    line l{text.substr(0, space),
           space == std::string_view::npos ? std::string_view{} : text.substr(space + 1), request,
           world};
    if (l.command == "comm") {
      const std::string id = make_uuid();
      {
        const std::lock_guard lock(mutex_);
        comms_[id] = l.rest;
      }
      static constexpr std::array<std::string_view, 1> buffer = {
          std::string_view("\x00\x01\x02", 3)};
      world.publish("comm_open",
                    fmt::format(R"({{"comm_id": {}, "target_name": {}, "data": {{}}}})",
                                json_quote(id), json_quote(l.rest)),
                    "{}", buffer);
      continue;
    }
    const auto found = commands().find(l.command);
    if (found == commands().end()) {
      l.rest = text;
      print(l, "stdout");
    } else if (auto outcome = found->second(l); !outcome.ok) {
      return outcome;
    }
    if (world.interrupted()) return interrupted;
  }
  return done;
}

void echo_interpreter::comm(const comm_request& request, const std::shared_ptr<execution>& world) {
  const auto content = json::parse_object(request.content, "content");
  if (!content) return;
  const auto id = json::string_at(*content, "comm_id").value_or("");
  const std::lock_guard lock(mutex_);
  if (request.type == "comm_open") {
    comms_[std::string(id)] = json::string_at(*content, "target_name").value_or("");
  } else if (request.type == "comm_close") {
    if (const auto found = comms_.find(id); found != comms_.end()) comms_.erase(found);
  } else {
    world->publish("comm_msg", request.content, "{}", request.buffers);
  }
}

std::string echo_interpreter::complete(const code_query& asked) {
  const auto typed = asked.code.substr(0, std::min(asked.cursor_pos, asked.code.size()));
  const auto start = typed.rfind('\n') == std::string_view::npos ? 0 : typed.rfind('\n') + 1;
  std::string matches;
  for (const auto& [name, ignored] : commands()) {
    if (!name.starts_with(typed.substr(start))) continue;
    matches += (matches.empty() ? "" : ", ") + json_quote(name);
  }
  return fmt::format(
      R"({{"matches": [{}], "cursor_start": {}, "cursor_end": {}, "metadata": {{}}}})", matches,
      start, typed.size());
}

std::string echo_interpreter::inspect(const code_query& asked) {
  const auto word = asked.code.substr(0, asked.code.find_first_of(" \n"));
  if (!commands().contains(word)) return R"({"found": false, "data": {}, "metadata": {}})";
  return fmt::format(R"({{"found": true, "data": {{"text/plain": {}}}, "metadata": {{}}}})",
                     json_quote(fmt::format("{}: a command of the echo kernel", word)));
}

std::string echo_interpreter::is_complete(std::string_view code) {
  return code.ends_with('\\') ? R"({"status": "incomplete", "indent": ""})"
                              : R"({"status": "complete"})";
}

std::string echo_interpreter::comm_info(std::string_view) {
  const std::lock_guard lock(mutex_);
  std::string comms;
  for (const auto& [id, target] : comms_) {
    comms += fmt::format(R"({}{}: {{"target_name": {}}})", comms.empty() ? "" : ", ",
                         json_quote(id), json_quote(target));
  }
  return fmt::format(R"({{"comms": {{{}}}}})", comms);
}

}  // namespace kmux::child
