#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/ws_v1.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kmux::channel_message message;
  if (kmux::decode_ws_v1(text, {}, message) != kmux::errc::ok) return 0;
  if (kmux::encode_ws_v1(message.channel, message.message).flatten() != text) std::abort();
  return 0;
}
