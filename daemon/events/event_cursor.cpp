#include "daemon/events/event_cursor.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace kmux::daemon {

bool event_filter::passes(const stored_event& e) const {
  return (kernel.empty() || kernel == e.kernel) &&
         (types.empty() || std::ranges::find(types, e.name) != types.end());
}

std::optional<std::vector<std::string>> event_names(std::string_view text) {
  std::vector<std::string> out;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    const auto name = text.substr(0, comma);
    if (!is_event_name(name)) return std::nullopt;
    out.emplace_back(name);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  return out;
}

void event_cursor::take(const stored_event& e, std::string& out) {
  if (e.number <= position_ || done()) return;
  pass(e.number - 1, out);
  begun_ = true;
  position_ = e.number;
  if (!wants(e)) return;
  put(e.number, e.name, e.line, out);
  --left_;
}

void event_cursor::pass(std::uint64_t number, std::string& out) {
  if (number <= position_ || done()) return;
  if (begun_ || wish_.counts) {
    put(number, "events_dropped", dropped_line(position_ + 1, number), out);
  }
  position_ = number;
}

void event_cursor::put(std::uint64_t number, const std::string& name, const std::string& line,
                       std::string& out) const {
  out += wish_.as == format::json_lines
             ? line + "\n"
             : fmt::format("id: {}\nevent: {}\ndata: {}\n\n", number, name, line);
}

}  // namespace kmux::daemon
