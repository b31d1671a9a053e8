#include "daemon/cli/render.hpp"

#include <cstdio>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/cli/json_members.hpp"
#include "daemon/cli/terminal.hpp"

namespace kmux::cli {

namespace {

/// nbformat has texts as one string or as a list of lines.
std::string joined(const json::value* v, std::string_view between) {
  if (v == nullptr) return {};
  if (v->IsString()) return {v->GetString(), v->GetStringLength()};
  std::string out;
  if (!v->IsArray()) return out;
  for (const auto& each : v->GetArray()) {
    if (!each.IsString()) continue;
    if (!out.empty()) out += between;
    out.append(each.GetString(), each.GetStringLength());
  }
  return out;
}

std::string plain_of(const json::value& content) {
  const auto& data = object_at(content, "data");
  auto text = joined(json::find(data, "text/plain"), "");
  if (text.empty() && data.MemberCount() > 0) {
    text = fmt::format("[{}]", data.MemberBegin()->name.GetString());
  }
  return text;
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  const bool colours = colour_wanted();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == 0x1B) {
      // A CSI sequence (ECMA-48): parameters, then one letter that says what it does.
      std::size_t end = i + 2;
      if (i + 1 >= text.size() || text[i + 1] != '[') continue;
      while (end < text.size() && (text[end] == ';' || (text[end] >= '0' && text[end] <= '?')))
        ++end;
      if (end < text.size() && ((text[end] == 'm' && colours) || text[end] == 'K')) {
        out += text.substr(i, end + 1 - i);
      }
      i = end;
    } else if (c >= 0x20 ? c != 0x7F : (c == '\n' || c == '\t' || c == '\r' || c == '\b')) {
      out += text[i];
    }
  }
  return out;
}

rendered render(std::string_view type, std::string_view content) {
  if (type != "stream" && type != "execute_result" && type != "display_data" && type != "error" &&
      type != "kmux_gap") {
    return {};
  }
  const auto document = json::parse_object(content, "a message");
  if (!document) return {};
  if (type == "kmux_gap") {
    return {fmt::format("kmux: messages {} to {} are not there any more: the journal's bound was "
                        "passed.\n",
                        integer_at(*document, "first"), integer_at(*document, "last")),
            true};
  }
  if (type == "stream") return {text_at(*document, "text"), text_at(*document, "name") == "stderr"};
  if (type != "error") return {plain_of(*document) + "\n", false};
  auto text = joined(json::find(*document, "traceback"), "\n");
  if (text.empty()) text = text_at(*document, "ename") + ": " + text_at(*document, "evalue");
  return {text + "\n", true};
}

void show(const rendered& r) {
  if (r.text.empty()) return;
  std::FILE* const to = r.error ? stderr : stdout;
  const bool terminal = ::isatty(::fileno(to)) != 0;
  // In a file or a pipe, a kernel's text is as it is, but for an error's colours.
  fmt::print(to, "{}", terminal || r.error ? harmless(r.text) : r.text);
  std::fflush(to);
}

std::string summary_of(std::string_view type, std::string_view content) {
  auto text = render(type, content).text;
  if (type == "error") {
    const auto document = json::parse_object(content, "a message");
    if (document) text = text_at(*document, "ename") + ": " + text_at(*document, "evalue");
  } else if (text.empty()) {
    const auto document = json::parse_object(content, "a message");
    if (!document) return {};
    for (const char* const member : {"execution_state", "status", "code", "prompt", "comm_id"}) {
      text = text_at(*document, member);
      if (!text.empty()) break;
    }
  }
  const auto end = text.find('\n');
  if (end != std::string::npos && end + 1 < text.size()) {
    return without_controls(text.substr(0, end)) + " …";
  }
  return without_controls(text.substr(0, end));
}

}  // namespace kmux::cli
