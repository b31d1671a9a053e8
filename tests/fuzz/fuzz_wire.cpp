#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Frames, each after its length in one byte.
  std::vector<std::string_view> frames;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = static_cast<unsigned char>(text[at]);
    frames.push_back(text.substr(at + 1, length));
    at += 1 + frames.back().size();
  }
  kmux::wire_view view;
  kmux::message_limits limits;
  limits.max_buffers = 4;
  if (kmux::decode_wire(frames, limits, view) != kmux::errc::ok) return 0;
  // What is accepted is said again in the same frames.
  const auto again = kmux::encode_wire(view.signature, view.message);
  if (again.size() + view.identities.size() != frames.size()) std::abort();
  return 0;
}
