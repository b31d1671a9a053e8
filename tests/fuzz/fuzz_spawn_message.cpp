#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proc/spawn_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = kmux::parse_spawn_request(text)) {
    const auto again = kmux::parse_spawn_request(kmux::write_spawn_request(*request));
    if (!again || *again != *request) std::abort();
  }
  if (const auto answer = kmux::parse_spawn_answer(text)) {
    const auto again = kmux::parse_spawn_answer(kmux::write_spawn_answer(*answer));
    if (!again || *again != *answer) std::abort();
  }
  return 0;
}
