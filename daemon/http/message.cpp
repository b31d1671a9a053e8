#include "daemon/http/message.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/http/text.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

const std::string* http_request::header(std::string_view name) const noexcept {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& h) { return iequals(h.first, name); });
  return found == headers.end() ? nullptr : &found->second;
}

const std::string* http_request::argument(std::string_view name) const noexcept {
  const auto found =
      std::find_if(query.begin(), query.end(), [&](const auto& q) { return q.first == name; });
  return found == query.end() ? nullptr : &found->second;
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

http_response error_response(int status, std::string_view message) {
  return json_response(status, fmt::format(R"({{"reason": {}, "message": {}}})",
                                           json_quote(reason_phrase(status)), json_quote(message)));
}

http_response json_response(int status, std::string body) {
  http_response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

std::string serialize(const http_response& r, bool head_only, bool keep_alive) {
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\nServer: kmuxd\r\n", r.status, reason_phrase(r.status));
  if (r.status != 204 && r.status != 304) {
    fmt::format_to(std::back_inserter(out), "Content-Type: {}\r\n", r.content_type);
    out += r.source ? "Transfer-Encoding: chunked\r\n"
                    : fmt::format("Content-Length: {}\r\n", r.body.size());
  }
  for (const auto& [name, value] : r.headers) {
    fmt::format_to(std::back_inserter(out), "{}: {}\r\n", name, value);
  }
  out +=
      "X-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\nX-Frame-Options: DENY\r\n"
      "Referrer-Policy: no-referrer\r\n";
  // What is shown is data; a page of ours says what it needs.
  if (std::none_of(r.headers.begin(), r.headers.end(),
                   [](const auto& h) { return h.first == "Content-Security-Policy"; })) {
    out += "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
  }
  out += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  if (!head_only) out += r.body;
  return out;
}

}  // namespace kmux::daemon
