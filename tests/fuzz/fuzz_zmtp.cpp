#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/zmtp.hpp"

namespace {

/// All that is read from `bytes`, in pieces of `step`: events and frames, as one text.
std::string told(std::string_view bytes, std::size_t step, kmux::zmtp_role role) {
  using event = kmux::zmtp_reader::event;
  kmux::zmtp_reader reader(role, {1000, 5});
  std::string out;
  while (!bytes.empty()) {
    auto input = bytes.substr(0, step);
    bytes.remove_prefix(input.size());
    for (event e = reader.read(input); e != event::starved; e = reader.read(input)) {
      out += static_cast<char>(e);
      if (e == event::broken) return out;
      if (e != event::message) continue;
      const auto message = reader.take();
      for (std::size_t i = 0; i < message.size(); ++i)
        out += message.view(i);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto role : {kmux::zmtp_role::dealer, kmux::zmtp_role::sub}) {
    // However the bytes are cut, they say the same.
    if (told(bytes, 1, role) != told(bytes, size, role)) std::abort();
  }
  return 0;
}
