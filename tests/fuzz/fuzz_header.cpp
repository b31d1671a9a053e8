#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kmux::header head;
  kmux::peek_header(text, head);
  kmux::peek_execution_state(text);
  return 0;
}
