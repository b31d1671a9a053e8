#pragma once
// One outgoing WebSocket message as a gather list over the frames that came from the kernel.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kmux {

/// Pieces in order; together they are one WebSocket message. `glue` holds what we add (offset
/// table, JSON between the parts); the other pieces point into the kernel's frames, which must live
/// longer. Movable: pieces that point into `glue` stay valid because its storage is on the heap.
struct ws_payload {
  bool text = false;  ///< opcode: text or binary
  std::vector<char> glue;
  std::vector<std::string_view> pieces;

  std::size_t size() const noexcept;
  std::string flatten() const;  ///< for tests, and for messages small enough to copy
};

}  // namespace kmux
