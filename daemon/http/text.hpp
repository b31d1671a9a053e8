#pragma once
// The few text operations that HTTP needs.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kmux::daemon {

/// ASCII, without regard to case.
bool iequals(std::string_view a, std::string_view b) noexcept;
std::string to_lower(std::string_view);  ///< ASCII letters only

/// %XX decoded (RFC 3986 section 2.1); nullopt for a malformed escape, a NUL, or bytes that are not
/// UTF-8. `plus_is_space` for query strings.
std::optional<std::string> percent_decode(std::string_view, bool plus_is_space = false);

/// For a path segment in a Location header or URL.
std::string percent_encode(std::string_view);

/// "a=1&b" as decoded pairs; nullopt where percent_decode fails.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view);

/// Whether a comma-separated header value contains `token` (any case).
bool has_token(std::string_view list, std::string_view token) noexcept;

}  // namespace kmux::daemon
