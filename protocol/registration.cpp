#include "protocol/registration.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/connection_members.hpp"
#include "protocol/json.hpp"
#include "protocol/message.hpp"
#include "protocol/signer.hpp"
#include "protocol/wire.hpp"

namespace kmux {

namespace {

constexpr std::size_t largest_file = 64 << 10;
constexpr std::size_t largest_acknowledgement = 64 << 10;
constexpr std::size_t most_identities = 16;

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
  const connection_members members(*document, "registration");
  for (const std::string_view name : {"kernel_id", "registration_ip", "key"}) {
    if (!members.has(name)) return members.missing(name);
  }
  registration_info out;
  for (const auto& [name, target] : {std::pair{"kernel_id", &out.kernel_id},
                                     std::pair{"registration_ip", &out.registration_ip}}) {
    if (const auto read = members.text(name, *target); !read) return read.error();
    if (target->empty()) return members.bad(name, "a string that is not empty");
  }
  if (const auto read = members.port("registration_port", 1, out.registration_port); !read) {
    return read.error();
  }
  if (const auto read = members.connection(out.kernel); !read) return read.error();
  if (out.kernel.transport == "ipc" && !members.has("ip")) return members.missing("ip");
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
