#include "protocol/connection_file.hpp"

#include <charconv>

#include <fmt/format.h>

#include "protocol/json.hpp"
#include "protocol/json_document.hpp"

namespace kmux {

namespace {

error bad(std::string_view member, std::string_view should) {
  return {errc::bad_field, fmt::format("the connection file's \"{}\" must be {}", member, should)};
}

result<void> read_text(const json::value& object, std::string_view name, std::string& out) {
  const auto* const member = json::find(object, name);
  if (member == nullptr) return {};
  if (!member->IsString()) return bad(name, "a string");
  out.assign(member->GetString(), member->GetStringLength());
  return {};
}

result<void> read_port(const json::value& object, std::string_view name, int& out) {
  const auto* const member = json::find(object, name);
  if (member == nullptr) {
    return error{errc::missing_field, fmt::format("the connection file has no \"{}\"", name)};
  }
  int port = -1;
  if (member->IsInt()) {
    port = member->GetInt();
  } else if (member->IsString()) {
    const char* const end = member->GetString() + member->GetStringLength();
    if (std::from_chars(member->GetString(), end, port).ptr != end) port = -1;
  }
  if (port < 0 || port > 65535) return bad(name, "a port number, 0 to 65535");
  out = port;
  return {};
}

}  // namespace

std::string connection_info::endpoint(int port) const {
  return transport == "ipc" ? fmt::format("ipc://{}-{}", ip, port)
                            : fmt::format("{}://{}:{}", transport, ip, port);
}

result<connection_info> parse_connection_file(std::string_view text) {
  const auto document = json::parse_object(text, "the connection file");
  if (!document) return document.error();
  connection_info out;
  for (const auto& [name, target] :
       {std::pair{"transport", &out.transport}, std::pair{"ip", &out.ip},
        std::pair{"key", &out.key}, std::pair{"signature_scheme", &out.signature_scheme},
        std::pair{"kernel_name", &out.kernel_name},
        std::pair{"curve_publickey", &out.curve_publickey},
        std::pair{"curve_secretkey", &out.curve_secretkey}}) {
    if (const auto read = read_text(*document, name, *target); !read) return read.error();
  }
  for (const auto& [name, target] :
       {std::pair{"shell_port", &out.shell_port}, std::pair{"iopub_port", &out.iopub_port},
        std::pair{"stdin_port", &out.stdin_port}, std::pair{"control_port", &out.control_port},
        std::pair{"hb_port", &out.hb_port}}) {
    if (const auto read = read_port(*document, name, *target); !read) return read.error();
  }
  if (out.transport != "tcp" && out.transport != "ipc") return bad("transport", "tcp or ipc");
  if (out.ip.empty()) return bad("ip", "an address, or a path for ipc");
  if (out.signature_scheme.empty()) out.signature_scheme = "hmac-sha256";
  if (out.signature_scheme != "hmac-sha256") return bad("signature_scheme", "hmac-sha256");
  for (const auto& [name, key] : {std::pair{"curve_publickey", &out.curve_publickey},
                                  std::pair{"curve_secretkey", &out.curve_secretkey}}) {
    if (!key->empty() && key->size() != 40) return bad(name, "40 characters of Z85");
  }
  return out;
}

std::string write_connection_file(const connection_info& c) {
  std::string out = fmt::format(
      "{{\n  \"shell_port\": {},\n  \"iopub_port\": {},\n  \"stdin_port\": {},\n"
      "  \"control_port\": {},\n  \"hb_port\": {},\n  \"ip\": {},\n  \"key\": {},\n"
      "  \"transport\": {},\n  \"signature_scheme\": {},\n  \"kernel_name\": {}",
      c.shell_port, c.iopub_port, c.stdin_port, c.control_port, c.hb_port, json_quote(c.ip),
      json_quote(c.key), json_quote(c.transport), json_quote(c.signature_scheme),
      json_quote(c.kernel_name));
  if (!c.curve_publickey.empty()) {
    out += fmt::format(",\n  \"curve_publickey\": {},\n  \"curve_secretkey\": {}",
                       json_quote(c.curve_publickey), json_quote(c.curve_secretkey));
  }
  return out + "\n}\n";
}

connection_info ipc_connection(std::string prefix, std::string key, std::string kernel_name) {
  connection_info out;
  out.transport = "ipc";
  out.ip = std::move(prefix);
  out.shell_port = 1;
  out.iopub_port = 2;
  out.stdin_port = 3;
  out.control_port = 4;
  out.hb_port = 5;
  out.key = std::move(key);
  out.kernel_name = std::move(kernel_name);
  return out;
}

}  // namespace kmux
