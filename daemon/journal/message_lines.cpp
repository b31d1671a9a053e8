#include "daemon/journal/message_lines.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/base64.hpp"
#include "protocol/json.hpp"
#include "protocol/requests.hpp"
#include "protocol/ws_legacy.hpp"

namespace kmux::daemon {

namespace {

/// JSON has line ends between its tokens only, where a blank does as well.
void append_flat(std::string& out, std::string_view json) {
  const std::size_t begin = out.size();
  out += json;
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
}

}  // namespace

std::string message_lines::line(const journal::record& r) {
  if (!r.is_numbered() || r.number <= filter_.after) return {};
  message_view m;
  const std::string_view from = to_string(journal::channel_of(r.what));
  if (!filter_.channel.empty() && filter_.channel != from) return {};
  const bool sound = r.message(m) && peek_header(m.header, head_) == errc::ok &&
                     peek_header(m.parent_header, parent_) == errc::ok;
  if (!filter_.parent.empty() && (!sound || parent_.msg_id != filter_.parent)) return {};
  if (!filter_.type.empty() && (!sound || head_.msg_type != filter_.type)) return {};
  std::string out = fmt::format(R"({{"seq": {}, "time": "{}", "channel": "{}")", r.number,
                                iso_date(r.time), from);
  if (!sound || !is_legacy_safe(m)) {
    return out + R"(, "error": "This message is not JSON in UTF-8."})" + "\n";
  }
  for (const auto& [name, part] :
       {std::pair{"header", m.header}, std::pair{"parent_header", m.parent_header},
        std::pair{"metadata", m.metadata}, std::pair{"content", m.content}}) {
    out += fmt::format(R"(, "{}": )", name);
    append_flat(out, part);
  }
  out += R"(, "buffers": [)";
  for (std::size_t i = 0; i < m.buffers.size(); ++i)
    out += (i == 0 ? "\"" : ", \"") + base64(m.buffers[i]) + "\"";
  return out + "]}\n";
}

}  // namespace kmux::daemon
