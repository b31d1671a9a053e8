#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "protocol/registration.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kmux;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto file = parse_registration_file(text)) {
    // What is accepted can be told, and the telling is no acknowledgement of itself.
    if (!is_registration_file(text) || file->endpoint().empty()) std::abort();
    const std::string said = make_registration(file->kernel_id, file->kernel);
    const handshake_message message(file->kernel.key.reveal(), said);
    if (check_acknowledgement(message.frames(), file->kernel.key.reveal(), said) !=
            errc::replayed ||
        check_acknowledgement(message.frames(), file->kernel.key.reveal(), "") != errc::ok) {
      std::abort();
    }
  }
  // Frames, each after its length in one byte.
  std::vector<std::string_view> frames;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = static_cast<unsigned char>(text[at]);
    frames.push_back(text.substr(at + 1, length));
    at += 1 + frames.back().size();
  }
  if (check_acknowledgement(frames, "", "") == errc::ok && frames.size() < 3) std::abort();
  check_acknowledgement(frames, "key", "");
  return 0;
}
