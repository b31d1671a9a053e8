#pragma once
// Reading the JSON bodies of requests, and their arguments.

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/http/message.hpp"
#include "daemon/kernels/kernel_manager.hpp"
#include "protocol/json_document.hpp"

namespace kmux::daemon {

/// The body as an object; an empty body or null is an empty object. The Content-Type does not
/// matter, as in jupyter_server.
result<rapidjson::Document> body_object(const http_request&);

/// Member `name` into `out`: absent or null leaves it; another type than string is an error, and so
/// are more than 4096 bytes.
result<void> read_string(const json::value& object, std::string_view name, std::string& out);

/// "env": an object of strings, with names that a shell would take, bounded in count and size.
result<void> read_environment(const json::value& object, environment& out);

/// Nothing where it is none.
std::optional<std::uint64_t> whole_number(std::string_view);

/// The number of an argument in the address; `otherwise` where it is not given, nothing where it is
/// no whole number.
std::optional<std::uint64_t> number_argument(const http_request&, std::string_view name,
                                             std::uint64_t otherwise);

/// The members of a kernel model that a request may carry: name, path, kernel_id, env.
result<kernel_request> read_kernel_request(const json::value& object);

}  // namespace kmux::daemon
