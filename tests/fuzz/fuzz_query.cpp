// A request's target as the daemon takes it apart, and headers that are lists.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/http/text.hpp"

using namespace kmux::daemon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto decoded = percent_decode(text)) {
    if (decoded->find('\0') != std::string::npos) std::abort();
    if (percent_decode(percent_encode(*decoded)) != decoded) std::abort();
  }
  if (const auto query = parse_query(text)) {
    std::string again;
    for (const auto& [name, value] : *query)
      again += percent_encode(name) + "=" + percent_encode(value) + "&";
    if (parse_query(again) != query) std::abort();
  }
  has_token(text, "upgrade");
  return 0;
}
