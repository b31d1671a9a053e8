#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "daemon/http/strict.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto verdict = kmux::daemon::judge_head(text, {});
  std::string problem;
  if (verdict.status == 0) kmux::daemon::is_websocket_upgrade(verdict.request, problem);
  return 0;
}
