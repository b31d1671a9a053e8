#pragma once
// One client's WebSocket on a kernel: /api/kernels/{id}/channels.

#include <deque>
#include <memory>
#include <string>

#include "daemon/http/websocket.hpp"
#include "daemon/kernels/delivery.hpp"
#include "protocol/header.hpp"
#include "protocol/ws_v1.hpp"

namespace kmux::daemon {

class kernel;

/// Why a WebSocket was closed, beyond RFC 6455's own codes.
namespace close_code {
inline constexpr std::uint16_t bad_message = 1007;  ///< not what the protocol allows
inline constexpr std::uint16_t too_slow = 1008;     ///< the client takes less than the kernel says
inline constexpr std::uint16_t replaced = 4001;     ///< the same session connected again
inline constexpr std::uint16_t kernel_gone = 4404;  ///< the kernel was deleted
}  // namespace close_code

/// Registered with its kernel while open. Decodes what the client sends and passes it on; gets
/// every iopub message, and the replies to its own sessions.
class channels_socket : public websocket_handler {
public:
  channels_socket(std::shared_ptr<kernel> owner, std::string session_id, ws_protocol protocol);
  ~channels_socket() override;

  void opened(ws_link&) override;
  boost::asio::awaitable<void> received(std::string_view payload, bool text) override;
  void closed() override;

  const std::string& session_id() const noexcept { return session_id_; }

  /// Queues the message; closes the socket where the client has too much waiting already.
  void deliver(delivery&);
  void close(std::uint16_t code, std::string_view reason);

private:
  errc decode(std::string_view payload, bool text, channel_message& out) const;

  std::shared_ptr<kernel> kernel_;
  std::string session_id_;
  ws_protocol protocol_;
  ws_link* link_ = nullptr;  ///< while open
  header head_;
};

}  // namespace kmux::daemon
