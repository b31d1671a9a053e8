#include "daemon/http/strict.hpp"

#include <algorithm>
#include <charconv>

#include "daemon/http/text.hpp"
#include "protocol/json.hpp"

namespace kmux::daemon {

namespace {

constexpr std::string_view crlf = "\r\n";

bool is_token_char(char c) noexcept {
  // RFC 9110 section 5.6.2
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view s) noexcept {
  return !s.empty() && std::all_of(s.begin(), s.end(), is_token_char);
}

/// Visible ASCII, space, tab and bytes above; the line has no CR or LF left in it.
bool has_control(std::string_view s) noexcept {
  return std::any_of(s.begin(), s.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\t') || u == 0x7f;
  });
}

std::string_view trim(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
    s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
    s.remove_suffix(1);
  return s;
}

head_verdict refuse(int status, std::string message) {
  head_verdict v;
  v.status = status;
  v.message = std::move(message);
  return v;
}

/// False with a status in `v` where the request line is not `METHOD SP target SP version`.
bool judge_request_line(std::string_view line, const head_limits& limits, head_verdict& v) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || line.find(' ', first + 1) != last) {
    v = refuse(400, "The request line must be: METHOD /path HTTP/1.1");
    return false;
  }
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (!is_token(method) || method.size() > 32) {
    v = refuse(400, "The request's method is not a word.");
    return false;
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    v = refuse(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    return false;
  }
  if (target.size() > limits.max_target) {
    v = refuse(414, "The request's target is too long.");
    return false;
  }
  const bool visible = std::all_of(target.begin(), target.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
  if (target.empty() || target.front() != '/' || !visible) {
    v = refuse(400, "The request's target must be a path which begins with '/', percent-encoded.");
    return false;
  }
  if (method == "CONNECT") {
    v = refuse(501, "This is no proxy: there are no tunnels here.");
    return false;
  }
  v.request.method = method;
  v.request.target = target;
  v.keep_alive = version == "HTTP/1.1";
  return true;
}

bool judge_header_line(std::string_view line, head_verdict& v) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    v = refuse(400,
               "A header line must be: Name: value, with no space before the colon and no "
               "folded lines.");
    return false;
  }
  const auto value = trim(line.substr(colon + 1));
  if (!is_utf8(value)) {
    v = refuse(400, "A header's value is not UTF-8.");
    return false;
  }
  v.request.headers.emplace_back(line.substr(0, colon), value);
  return true;
}

/// What the headers say about framing and the connection.
bool judge_framing(const head_limits& limits, head_verdict& v) {
  const bool host_needed = v.keep_alive;  // HTTP/1.1; below, "Connection: close" ends keep_alive
  int hosts = 0;
  int lengths = 0;
  for (const auto& [name, value] : v.request.headers) {
    if (iequals(name, "Host")) {
      ++hosts;
    } else if (iequals(name, "Transfer-Encoding")) {
      v = refuse(501, "Transfer-Encoding is not accepted: send the body with a Content-Length.");
      return false;
    } else if (iequals(name, "Content-Length")) {
      ++lengths;
      const char* const end = value.data() + value.size();
      const bool digits = !value.empty() && value.find_first_not_of("0123456789") == value.npos;
      const auto [stop, failed] = std::from_chars(value.data(), end, v.content_length);
      if (!digits || stop != end || failed != std::errc{}) {
        v = refuse(400, "Content-Length must be one decimal number.");
        return false;
      }
    } else if (iequals(name, "Connection")) {
      if (has_token(value, "close")) v.keep_alive = false;
    } else if (iequals(name, "Expect")) {
      if (!iequals(value, "100-continue")) {
        v = refuse(417, "The only expectation that can be met is 100-continue.");
        return false;
      }
      v.expects_continue = true;
    }
  }
  if (lengths > 1) {
    v = refuse(400, "There must be at most one Content-Length.");
    return false;
  }
  if (hosts > 1 || (hosts == 0 && host_needed)) {
    v = refuse(400, "There must be exactly one Host header.");
    return false;
  }
  if (v.content_length > limits.max_body) {
    v = refuse(
        413, "The request's body may have at most " + std::to_string(limits.max_body) + " bytes.");
    return false;
  }
  return true;
}

}  // namespace

head_verdict judge_head(std::string_view head, const head_limits& limits) {
  if (head.size() > limits.max_bytes) return refuse(431, "The request's header is too long.");
  head_verdict v;
  bool first = true;
  while (true) {
    const auto end = head.find(crlf);
    if (end == std::string_view::npos) return refuse(400, "Lines must end with CR LF.");
    const auto line = head.substr(0, end);
    head.remove_prefix(end + crlf.size());
    if (line.empty()) break;
    if (has_control(line)) return refuse(400, "The header has control characters in it.");
    if (first) {
      if (!judge_request_line(line, limits, v)) return v;
      first = false;
    } else {
      if (v.request.headers.size() == limits.max_headers) {
        return refuse(431, "The request has too many header lines.");
      }
      if (!judge_header_line(line, v)) return v;
    }
  }
  if (first) return refuse(400, "There is no request line.");
  judge_framing(limits, v);
  return v;
}

bool is_websocket_upgrade(const http_request& r, std::string& problem) {
  const auto* const upgrade = r.header("Upgrade");
  if (upgrade == nullptr || !has_token(*upgrade, "websocket")) {
    problem = "This address takes WebSocket connections only: Upgrade: websocket is missing.";
    return false;
  }
  const auto* const connection = r.header("Connection");
  const auto* const key = r.header("Sec-WebSocket-Key");
  const auto* const version = r.header("Sec-WebSocket-Version");
  if (r.method != "GET" || connection == nullptr || !has_token(*connection, "upgrade")) {
    problem = "A WebSocket handshake is a GET with Connection: Upgrade.";
  } else if (version == nullptr || *version != "13") {
    problem = "Sec-WebSocket-Version must be 13.";
  } else if (key == nullptr || key->size() != 24) {
    problem = "Sec-WebSocket-Key must be 16 bytes in base64.";
  } else {
    return true;
  }
  return false;
}

}  // namespace kmux::daemon
