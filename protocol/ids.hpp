#pragma once
// Identifiers that appear in URLs and messages.

#include <string>
#include <string_view>

namespace kmux {

/// A random UUID, version 4, lower case with dashes. Throws where the system has no randomness.
std::string make_uuid();

/// What Jupyter accepts as a kernel id or session id in a URL: five groups of [A-Za-z0-9_]+ with
/// dashes between; at most 64 characters.
bool is_valid_id(std::string_view) noexcept;

/// `bytes` random bytes in lower-case hex: keys and tokens.
std::string random_hex(std::size_t bytes);

}  // namespace kmux
