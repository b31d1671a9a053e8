#include "protocol/registration.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "protocol/json.hpp"
#include "protocol/json_document.hpp"
#include "protocol/message.hpp"
#include "protocol/signer.hpp"
#include "protocol/wire.hpp"

namespace kmux {

namespace {

constexpr std::size_t largest_file = 64 << 10;
constexpr std::size_t longest_text = 4096;
constexpr std::size_t largest_acknowledgement = 64 << 10;
constexpr std::size_t most_identities = 16;
constexpr std::size_t curve_key_size = 40;  ///< Z85

error bad(std::string_view member, std::string_view should) {
  return {errc::bad_field,
          fmt::format("the registration file's \"{}\" must be {}", member, should)};
}

error missing(std::string_view member) {
  return {errc::missing_field, fmt::format("the registration file has no \"{}\"", member)};
}

/// Leaves `out` alone where the member is not there.
result<void> read_text(const json::value& object, std::string_view name, std::string& out) {
  const auto* const member = json::find(object, name);
  if (member == nullptr) return {};
  if (!member->IsString()) return bad(name, "a string");
  if (member->GetStringLength() > longest_text) {
    return bad(name, fmt::format("{} bytes at the most", longest_text));
  }
  out.assign(member->GetString(), member->GetStringLength());
  return {};
}

/// The documents have a number, xeus a string.
result<int> read_port(const json::value& object, std::string_view name) {
  const auto* const member = json::find(object, name);
  if (member == nullptr) return missing(name);
  int port = 0;
  if (member->IsInt()) {
    port = member->GetInt();
  } else if (const auto text = json::string_at(object, name)) {
    const char* const end = text->data() + text->size();
    const auto [stopped, failed] = std::from_chars(text->data(), end, port);
    if (failed != std::errc() || stopped != end) port = 0;
  }
  if (port < 1 || port > 65535) return bad(name, "a port number, 1 to 65535");
  return port;
}

result<void> check(const registration_info& it) {
  const connection_info& kernel = it.kernel;
  if (it.kernel_id.empty()) return bad("kernel_id", "a string that is not empty");
  if (it.registration_ip.empty()) return bad("registration_ip", "an address, or a path for ipc");
  if (kernel.transport != "tcp" && kernel.transport != "ipc") return bad("transport", "tcp or ipc");
  if (kernel.ip.empty()) return bad("ip", "an address, or a path for ipc");
  if (kernel.signature_scheme != "hmac-sha256") return bad("signature_scheme", "hmac-sha256");
  for (const auto& [name, key] : {std::pair{"curve_publickey", &kernel.curve_publickey},
                                  std::pair{"curve_secretkey", &kernel.curve_secretkey}}) {
    if (!key->empty() && key->size() != curve_key_size) return bad(name, "40 characters of Z85");
  }
  return {};
}

}  // namespace

std::string registration_info::endpoint() const {
  connection_info launcher;
  launcher.transport = kernel.transport;
  launcher.ip = registration_ip;
  return launcher.endpoint(registration_port);
}

bool is_registration_file(std::string_view text) {
  if (text.size() > largest_file) return false;
  const auto document = json::parse_object(text, "the registration file");
  return document && json::find(*document, "registration_port") != nullptr;
}

result<registration_info> parse_registration_file(std::string_view text) {
  if (text.size() > largest_file) {
    return error{errc::too_large, "the registration file is larger than 64 KiB"};
  }
  const auto document = json::parse_object(text, "the registration file");
  if (!document) return document.error();
  for (const std::string_view name : {"kernel_id", "registration_ip", "key"}) {
    if (json::find(*document, name) == nullptr) return missing(name);
  }
  registration_info out;
  for (const auto& [name, target] :
       {std::pair{"kernel_id", &out.kernel_id}, std::pair{"registration_ip", &out.registration_ip},
        std::pair{"transport", &out.kernel.transport}, std::pair{"ip", &out.kernel.ip},
        std::pair{"key", &out.kernel.key},
        std::pair{"signature_scheme", &out.kernel.signature_scheme},
        std::pair{"kernel_name", &out.kernel.kernel_name},
        std::pair{"curve_publickey", &out.kernel.curve_publickey},
        std::pair{"curve_secretkey", &out.kernel.curve_secretkey}}) {
    if (const auto read = read_text(*document, name, *target); !read) return read.error();
  }
  // As in a connection file: empty means the usual one.
  if (out.kernel.signature_scheme.empty()) out.kernel.signature_scheme = "hmac-sha256";
  const auto port = read_port(*document, "registration_port");
  if (!port) return port.error();
  out.registration_port = *port;
  if (out.kernel.transport == "ipc" && json::find(*document, "ip") == nullptr) return missing("ip");
  if (const auto checked = check(out); !checked) return checked.error();
  return out;
}

std::string make_registration(std::string_view kernel_id, const connection_info& bound) {
  return fmt::format(
      R"({{"kernel_id": {}, "shell_port": "{}", "iopub_port": "{}", "stdin_port": "{}", )"
      R"("control_port": "{}", "hb_port": "{}"}})",
      json_quote(kernel_id), bound.shell_port, bound.iopub_port, bound.stdin_port,
      bound.control_port, bound.hb_port);
}

handshake_message::handshake_message(std::string_view key, std::string_view content)
    : content_(content) {
  signer::signature storage;
  // The signature of a message runs over its frames, and here there is one.
  signature_ = signer(key).sign({content, {}, {}, {}, {}}, storage);
}

std::array<std::string_view, 3> handshake_message::frames() const noexcept {
  return {wire_delimiter, signature_, content_};
}

errc check_acknowledgement(std::span<const std::string_view> frames, std::string_view key,
                           std::string_view sent) {
  const auto delimiter = std::find(frames.begin(), frames.end(), wire_delimiter);
  if (delimiter == frames.end()) return errc::no_delimiter;
  const auto identities = static_cast<std::size_t>(delimiter - frames.begin());
  if (identities > most_identities) return errc::too_many;
  const auto rest = frames.subspan(identities + 1);
  if (rest.size() < 2) return errc::truncated;
  if (rest.size() > 2) return errc::too_many;
  if (rest[1].size() > largest_acknowledgement) return errc::too_large;
  if (!signer(key).verify({rest[1], {}, {}, {}, {}}, rest[0])) return errc::bad_signature;
  // Whoever took the launcher's port can reflect our own message, and it is signed well.
  return rest[1] == sent ? errc::replayed : errc::ok;
}

}  // namespace kmux
