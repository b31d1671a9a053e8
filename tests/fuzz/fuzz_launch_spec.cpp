#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proc/launch_spec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto spec = kmux::parse_launch_spec(text)) {
    if (!kmux::parse_launch_spec(kmux::write_launch_spec(*spec))) std::abort();
  }
  return 0;
}
