// The file of named tokens: what is read is written and read again as the same.
#include <cstdlib>
#include <string_view>

#include "daemon/auth/token_list.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace kmux::daemon;
  const auto list = token_list::parse({reinterpret_cast<const char*>(data), size});
  if (!list) return 0;
  const auto again = token_list::parse(list->text());
  if (!again || again->text() != list->text() || again->all().size() != list->all().size()) {
    std::abort();
  }
  return 0;
}
