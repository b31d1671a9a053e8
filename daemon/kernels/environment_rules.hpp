#pragma once
// Which environment variables are passed on, by their names. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "protocol/kernelspec.hpp"

namespace kmux::daemon {

/// Whether a pattern, NAME or PREFIX*, means that variable.
bool is_named(const std::vector<std::string>& patterns, std::string_view variable) noexcept;

/// What clients may set for their kernels.
struct environment_rules {
  std::vector<std::string> deny;   ///< patterns
  std::vector<std::string> allow;  ///< patterns; wins over `deny`

  /// The first that may not be set; nullptr where all may.
  const std::string* refused(const environment&) const noexcept;
};

}  // namespace kmux::daemon
