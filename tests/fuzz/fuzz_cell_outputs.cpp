// Messages, one a line: type, parent's msg_id and content, with spaces between them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/json.hpp"
#include "protocol/nbformat/cell_outputs.hpp"
#include "tests/protocol/nbformat/valid_outputs.hpp"

namespace {

constexpr kmux::output_limits limits{1000, 5, 3};

std::string_view cut(std::string_view& text, char end) {
  const auto piece = text.substr(0, text.find(end));
  text.remove_prefix(piece.size() < text.size() ? piece.size() + 1 : text.size());
  return piece;
}

/// The same stream message, as one for each code point.
void add_in_pieces(kmux::cell_outputs& to, const kmux::shown_message& m) {
  const auto said = kmux::read_output(m.msg_type, m.content);
  const auto* const stream = said ? std::get_if<kmux::stream_piece>(&*said) : nullptr;
  if (stream == nullptr || stream->text.empty()) return to.add(m);
  for (std::size_t at = 0, next = 0; at < stream->text.size(); at = next) {
    do {
      ++next;
    } while (next < stream->text.size() && (stream->text[next] & 0xc0) == 0x80);
    const auto piece = kmux::json_quote(std::string_view(stream->text).substr(at, next - at));
    const auto content =
        "{\"name\": " + kmux::json_quote(stream->name) + ", \"text\": " + piece + "}";
    to.add({m.msg_type, m.parent_msg_id, content});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  kmux::cell_outputs whole("c", limits), pieces("c", limits);
  while (!text.empty()) {
    auto line = cut(text, '\n');
    const auto type = cut(line, ' '), parent = cut(line, ' ');
    const kmux::shown_message message{type, parent, line};
    whole.add(message);
    add_in_pieces(pieces, message);
  }
  const std::string own = whole.json(), areas = whole.widget_areas_json();
  if (!kmux::are_valid_outputs(own) || !kmux::are_valid_areas(areas)) std::abort();
  if (own != pieces.json() || areas != pieces.widget_areas_json()) std::abort();
  // A byte may take six in JSON; and there are names of members, and comm ids.
  if (own.size() > 10'000 || areas.size() > 10'000 + limits.max_areas * 6 * 1024) std::abort();
  return 0;
}
