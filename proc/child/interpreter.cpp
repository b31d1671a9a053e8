#include <fmt/format.h>

#include "protocol/json.hpp"
#include <kmux/child/interpreter.hpp>

namespace kmux::child {

void execution::stream(std::string_view name, std::string_view text) {
  const std::string content =
      fmt::format(R"({{"name": {}, "text": {}}})", json_quote(name), json_quote(text));
  publish("stream", content);
}

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

std::string interpreter::complete(std::string_view, std::size_t cursor_pos) {
  return fmt::format(
      R"({{"matches": [], "cursor_start": {0}, "cursor_end": {0}, "metadata": {{}}}})", cursor_pos);
}

std::string interpreter::inspect(std::string_view, std::size_t) {
  return R"({"found": false, "data": {}, "metadata": {}})";
}

std::string interpreter::is_complete(std::string_view) {
  return R"({"status": "unknown"})";
}

std::string interpreter::history() {
  return R"({"history": []})";
}

std::string interpreter::comm_info() {
  return R"({"comms": {}})";
}

std::string quoted(std::string_view text) {
  return json_quote(text);
}

}  // namespace kmux::child
