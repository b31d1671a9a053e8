#include "protocol/ws_frame.hpp"

namespace kmux {

std::size_t ws_payload::size() const noexcept {
  std::size_t bytes = 0;
  for (const auto piece : pieces)
    bytes += piece.size();
  return bytes;
}

std::string ws_payload::flatten() const {
  std::string out;
  out.reserve(size());
  for (const auto piece : pieces)
    out += piece;
  return out;
}

}  // namespace kmux
