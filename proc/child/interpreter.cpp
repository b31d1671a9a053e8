#include <fmt/format.h>

#include "protocol/json.hpp"
#include <kmux/child/interpreter.hpp>

namespace kmux::child {

void execution::display(std::string_view text, std::string_view mime) {
  const std::string content =
      fmt::format(R"({{"data": {{{}: {}}}, "metadata": {{}}, "transient": {{}}}})",
                  json_quote(mime), json_quote(text));
  publish("display_data", content);
}

void execution::result(std::string_view text, int execution_count) {
  const std::string content =
      fmt::format(R"({{"execution_count": {}, "data": {{"text/plain": {}}}, "metadata": {{}}}})",
                  execution_count, json_quote(text));
  publish("execute_result", content);
}

std::string interpreter::complete(const code_query& asked) {
  return fmt::format(
      R"({{"matches": [], "cursor_start": {0}, "cursor_end": {0}, "metadata": {{}}}})",
      asked.cursor_pos);
}

std::string interpreter::inspect(const code_query&) {
  return R"({"found": false, "data": {}, "metadata": {}})";
}

std::string interpreter::is_complete(std::string_view) {
  return R"({"status": "unknown"})";
}

std::string interpreter::history(std::string_view) {
  return R"({"history": []})";
}

std::string interpreter::comm_info(std::string_view) {
  return R"({"comms": {}})";
}

int interpreter::count_cell(bool stored) {
  return stored ? ++count_ : count_.load();
}

void interpreter::run_subshell(shell& loop) {
  loop.run();
}

std::string quoted(std::string_view text) {
  return json_quote(text);
}

}  // namespace kmux::child
