#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proc/supervise/summary.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto summary = kmux::supervise::parse_summary(text, "summary.json");
  if (!summary) return 0;
  if (!kmux::supervise::parse_summary(kmux::supervise::write_summary(*summary), "x")) std::abort();
  return 0;
}
