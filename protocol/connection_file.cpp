#include "protocol/connection_file.hpp"

#include <fmt/format.h>

#include "protocol/connection_members.hpp"
#include "protocol/json.hpp"

namespace kmux {

std::string connection_info::endpoint(int port) const {
  return transport == "ipc" ? fmt::format("ipc://{}-{}", ip, port)
                            : fmt::format("{}://{}:{}", transport, ip, port);
}

result<connection_info> parse_connection_file(std::string_view text) {
  const auto document = json::parse_object(text, "the connection file");
  if (!document) return document.error();
  const connection_members members(*document, "connection");
  connection_info out;
  for (const auto& [name, target] :
       {std::pair{"shell_port", &out.shell_port}, std::pair{"iopub_port", &out.iopub_port},
        std::pair{"stdin_port", &out.stdin_port}, std::pair{"control_port", &out.control_port},
        std::pair{"hb_port", &out.hb_port}}) {
    if (const auto read = members.port(name, 0, *target); !read) return read.error();
  }
  if (const auto read = members.connection(out); !read) return read.error();
  return out;
}

std::string write_connection_file(const connection_info& c) {
  std::string out = fmt::format(
      "{{\n  \"shell_port\": {},\n  \"iopub_port\": {},\n  \"stdin_port\": {},\n"
      "  \"control_port\": {},\n  \"hb_port\": {},\n  \"ip\": {},\n  \"key\": {},\n"
      "  \"transport\": {},\n  \"signature_scheme\": {},\n  \"kernel_name\": {}",
      c.shell_port, c.iopub_port, c.stdin_port, c.control_port, c.hb_port, json_quote(c.ip),
      json_quote(c.key.reveal()), json_quote(c.transport), json_quote(c.signature_scheme),
      json_quote(c.kernel_name));
  if (!c.curve_publickey.empty()) {
    out += fmt::format(",\n  \"curve_publickey\": {},\n  \"curve_secretkey\": {}",
                       json_quote(c.curve_publickey), json_quote(c.curve_secretkey.reveal()));
  }
  if (c.journal) {
    const journal_info& j = *c.journal;
    out += fmt::format(
        ",\n  \"kmux_journal\": {{\"directory\": {}, \"max_bytes\": {}, "
        "\"max_age\": {}, \"sync\": {}, \"after\": {}, \"code\": {}}}",
        json_quote(j.directory), j.most_bytes, j.most_age, j.sync, j.after, j.code);
  }
  return out + "\n}\n";
}

connection_info ipc_connection(std::string prefix, secret key, std::string kernel_name) {
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
