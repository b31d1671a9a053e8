#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/connection_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto info = kmux::parse_connection_file(text);
  if (!info) return 0;
  const auto again = kmux::parse_connection_file(kmux::write_connection_file(*info));
  if (!again || *again != *info) std::abort();
  return 0;
}
