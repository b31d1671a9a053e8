// A segment of a journal: whatever its bytes are, what is read of it is what was written.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proc/journal/record.hpp"

using namespace kmux::journal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (read_segment_head(rest)) rest.remove_prefix(segment_head);
  while (!rest.empty()) {
    record r;
    std::size_t length = 0;
    switch (decode_record(rest, r, length)) {
      case decoded::whole: {
        std::string again;
        if (!append_record(again, r) || again.size() != length) std::abort();
        record back;
        if (decode_record(again, back, length) != decoded::whole || back.frames != r.frames ||
            back.number != r.number || back.time != r.time) {
          std::abort();
        }
        rest.remove_prefix(length);
        break;
      }
      case decoded::partial:
        if (length <= rest.size()) std::abort();
        [[fallthrough]];
      case decoded::broken: {
        const std::size_t next = find_record(rest, 1);
        if (next == 0 || next > rest.size()) std::abort();
        rest.remove_prefix(next);
        break;
      }
    }
  }
  return 0;
}
