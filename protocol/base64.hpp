#pragma once
// RFC 4648, section 4.

#include <string>
#include <string_view>

namespace kmux {

std::string base64(std::string_view bytes);

}  // namespace kmux
