#pragma once
// The description of the API that GET /api/spec.yaml gives out.

#include <string>
#include <string_view>

namespace kmux::daemon {

/// OpenAPI 3.0 in YAML; `base_url` becomes the server's address.
std::string openapi_document(std::string_view base_url);

}  // namespace kmux::daemon
