#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/ws_legacy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool is_text : {true, false}) {
    kmux::channel_message message;
    if (kmux::decode_ws_legacy(text, is_text, {}, message) != kmux::errc::ok) continue;
    // What was accepted may be said again, and is understood.
    if (!kmux::is_legacy_safe(message.message)) std::abort();
    const auto payload = kmux::encode_ws_legacy(message.channel, message.message, "id", "type");
    kmux::channel_message again;
    if (kmux::decode_ws_legacy(payload.flatten(), payload.text, {}, again) != kmux::errc::ok) {
      std::abort();
    }
  }
  return 0;
}
