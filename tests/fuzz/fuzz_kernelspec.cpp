#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "protocol/kernelspec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto spec = kmux::parse_kernelspec(text)) {
    kmux::expand_argv(spec->argv, {"c", "r", "p"});
    kmux::expand_env({{"HOME", "/"}}, spec->env);
  }
  return 0;
}
