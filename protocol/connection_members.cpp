#include "protocol/connection_members.hpp"

#include <charconv>

#include <fmt/format.h>

namespace kmux {

namespace {

constexpr std::size_t longest_text = 4096;
constexpr std::size_t curve_key_size = 40;  ///< Z85

}  // namespace

error connection_members::bad(std::string_view member, std::string_view should) const {
  return {errc::bad_field, fmt::format("the {} file's \"{}\" must be {}", file_, member, should)};
}

error connection_members::missing(std::string_view member) const {
  return {errc::missing_field, fmt::format("the {} file has no \"{}\"", file_, member)};
}

result<void> connection_members::text(std::string_view name, std::string& out) const {
  const auto* const member = json::find(object_, name);
  if (member == nullptr) return {};
  if (!member->IsString()) return bad(name, "a string");
  if (member->GetStringLength() > longest_text) {
    return bad(name, fmt::format("{} bytes at the most", longest_text));
  }
  out.assign(member->GetString(), member->GetStringLength());
  return {};
}

result<void> connection_members::port(std::string_view name, int least, int& out) const {
  const auto* const member = json::find(object_, name);
  if (member == nullptr) return missing(name);
  int port = -1;
  if (member->IsInt()) {
    port = member->GetInt();
  } else if (const auto digits = json::string_at(object_, name)) {
    const char* const end = digits->data() + digits->size();
    const auto [stopped, failed] = std::from_chars(digits->data(), end, port);
    if (failed != std::errc() || stopped != end) port = -1;
  }
  if (port < least || port > 65535) {
    return bad(name, fmt::format("a port number, {} to 65535", least));
  }
  out = port;
  return {};
}

result<void> connection_members::number(std::string_view name, std::uint64_t& out) const {
  const auto* const member = json::find(object_, name);
  if (member == nullptr) return {};
  if (!member->IsUint64()) return bad(name, "a number");
  out = member->GetUint64();
  return {};
}

result<void> connection_members::connection(connection_info& out) const {
  for (const auto& [name, target] :
       {std::pair{"transport", &out.transport}, std::pair{"ip", &out.ip},
        std::pair{"signature_scheme", &out.signature_scheme},
        std::pair{"kernel_name", &out.kernel_name},
        std::pair{"curve_publickey", &out.curve_publickey}}) {
    if (const auto read = text(name, *target); !read) return read.error();
  }
  for (const auto& [name, target] :
       {std::pair{"key", &out.key}, std::pair{"curve_secretkey", &out.curve_secretkey}}) {
    std::string value;
    if (const auto read = text(name, value); !read) return read.error();
    *target = secret(std::move(value));
  }
  if (out.transport != "tcp" && out.transport != "ipc") return bad("transport", "tcp or ipc");
  if (out.ip.empty()) return bad("ip", "an address, or a path for ipc");
  if (out.signature_scheme.empty()) out.signature_scheme = "hmac-sha256";
  if (out.signature_scheme != "hmac-sha256") return bad("signature_scheme", "hmac-sha256");
  for (const auto& [name, size] :
       {std::pair{"curve_publickey", out.curve_publickey.size()},
        std::pair{"curve_secretkey", out.curve_secretkey.reveal().size()}}) {
    if (size != 0 && size != curve_key_size) return bad(name, "40 characters of Z85");
  }
  return journal(out.journal);
}

result<void> connection_members::journal(std::optional<journal_info>& out) const {
  const auto* const member = json::find(object_, "kmux_journal");
  if (member == nullptr) return {};
  if (!member->IsObject()) return bad("kmux_journal", "an object");
  const connection_members inside(*member, file_);
  journal_info read;
  if (const auto done = inside.text("directory", read.directory); !done) return done;
  if (read.directory.empty() || read.directory.front() != '/') {
    return bad("directory", "an absolute path");
  }
  for (const auto& [name, target] :
       {std::pair{"max_bytes", &read.most_bytes}, std::pair{"max_age", &read.most_age},
        std::pair{"sync", &read.sync}, std::pair{"after", &read.after}}) {
    if (const auto done = inside.number(name, *target); !done) return done;
  }
  const auto* const code = json::find(*member, "code");
  read.code = code != nullptr && code->IsTrue();
  out = std::move(read);
  return {};
}

}  // namespace kmux
