#pragma once
// RapidJSON, the way we use it: iterative (deep nesting cannot overflow the stack), UTF-8 checked,
// errors as values. The header forward-declares nothing of it, so that only .cpp files pay for it;
// include protocol/json_document.hpp there.

#include <string>
#include <string_view>

namespace kmux {

/// `text` as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);

/// True if `text` is UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view text) noexcept;

/// `text`, with U+FFFD for each byte that is not part of UTF-8.
std::string as_utf8(std::string text);

}  // namespace kmux
