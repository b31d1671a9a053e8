#pragma once
// Which trace a request belongs to: https://www.w3.org/TR/trace-context/

#include <string>
#include <string_view>

namespace kmux::daemon {

struct http_request;

/// The header's value in version 00, as a process that we start would have it; of a version that is
/// not known, what version 00 knows of it. Empty where it is none, as it is also where there are
/// two.
std::string parse_traceparent(std::string_view);
std::string traceparent_of(const http_request&);

/// Of a value that parse_traceparent has given; empty of an empty one.
std::string_view trace_id_of(std::string_view traceparent) noexcept;

/// The response's header: the trace, and an id of our own in it. What we do is not sampled.
std::string make_traceresponse(std::string_view traceparent);

}  // namespace kmux::daemon
