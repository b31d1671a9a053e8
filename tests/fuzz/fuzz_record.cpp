#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proc/supervise/record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto record = kmux::supervise::parse_record(text, "record.json");
  if (!record) return 0;
  if (!kmux::supervise::parse_record(kmux::supervise::write_record(*record), "x")) std::abort();
  return 0;
}
