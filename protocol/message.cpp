#include "protocol/message.hpp"

#include <array>

namespace kmux {

namespace {

constexpr std::array<std::string_view, 4> names = {"shell", "control", "stdin", "iopub"};

}  // namespace

std::string_view to_string(channel c) noexcept {
  return names[static_cast<std::size_t>(c)];
}

std::optional<channel> channel_from(std::string_view name) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<channel>(i);
  }
  return std::nullopt;
}

}  // namespace kmux
