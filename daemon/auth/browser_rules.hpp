#pragma once
// What is asked of requests that a web page could have sent without its user's knowledge. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/message.hpp"

namespace kmux::daemon {

/// The value of a cookie (RFC 6265, section 5.4), or empty.
std::string_view cookie(const http_request&, std::string_view name) noexcept;

/// DNS rebinding: a page of another name, which now leads here. Names are those of this machine, IP
/// addresses, and `hosts`. Empty where the Host is one of them, else what to tell.
std::string foreign_host(const http_request&, const std::vector<std::string>& hosts);

/// Credentials that a browser adds by itself (cookies) must not be used by other sites' pages: the
/// Origin must be this server's or `allow_origin`, and what changes something must carry `xsrf` in
/// X-XSRFToken or as _xsrf. Empty where all is well.
std::string cross_site(const http_request&, std::string_view allow_origin, std::string_view xsrf);

/// A page that a person wants to see, and not a script's request (Fetch Metadata, section 2).
bool is_navigation(const http_request&);

}  // namespace kmux::daemon
