#pragma once
// The registration handshake: a kernel chooses its ports itself and tells its launcher.
// https://jupyter.org/enhancement-proposals/66-jupyter-handshaking/jupyter-handshaking.html
// The wire form is that of jupyter_client's messaging.rst (5.6) and of xeus-zmq:
// ["<IDS|MSG>", HMAC over the dictionary, dictionary], and the same back.

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "protocol/connection_file.hpp"
#include "protocol/error.hpp"

namespace kmux {

/// What a registration file says. It is given to a kernel in place of a connection file.
struct registration_info {
  std::string kernel_id;
  std::string registration_ip;  ///< for ipc the path's prefix
  int registration_port = 0;
  connection_info kernel;  ///< transport, ip, keys and name of the kernel; its ports are 0

  /// Of the launcher's socket: "tcp://127.0.0.1:5000", "ipc:///run/x/launcher-1"
  std::string endpoint() const;

  friend bool operator==(const registration_info&, const registration_info&) = default;
};

/// True for a JSON object that has a registration_port. Such a file is no connection file.
bool is_registration_file(std::string_view json);

/// kernel_id, registration_ip, registration_port (a number, or a string of digits) and key must be
/// there. `ip` is where the kernel binds: 127.0.0.1 where it is missing, but ipc needs one. Unknown
/// members are ignored. The detail names the member.
result<registration_info> parse_registration_file(std::string_view json);

/// The dictionary that the kernel sends: its id and its five ports, as strings.
std::string make_registration(std::string_view kernel_id, const connection_info& bound);

/// A dictionary with its signature: what either side sends. Lives as long as `content`.
class handshake_message {
public:
  handshake_message(std::string_view key, std::string_view content);
  /// Delimiter, signature, content. Views into this and into the content.
  std::array<std::string_view, 3> frames() const noexcept;

private:
  std::string signature_;
  std::string_view content_;
};

/// Whether the frames acknowledge `sent`: errc::ok, or why not. The signature decides, compared in
/// constant time; what was sent, sent back, is no acknowledgement. The content may be anything:
/// no document says what it is, and xeus-zmq's launcher sends the bare word ACK.
errc check_acknowledgement(std::span<const std::string_view> frames, std::string_view key,
                           std::string_view sent);

}  // namespace kmux
