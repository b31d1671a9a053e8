#pragma once
// The five channels of one running kernel, as the daemon sees them.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "daemon/async/alarm.hpp"
#include "daemon/metrics/counters.hpp"
#include "protocol/connection_file.hpp"
#include "protocol/header.hpp"
#include "protocol/io/zmtp_port.hpp"
#include "protocol/nudge.hpp"
#include "protocol/requests.hpp"
#include "protocol/signer.hpp"
#include "protocol/wire_message.hpp"

namespace kmux::daemon {

/// What came from the kernel: verified, decoded, and its header looked into.
struct kernel_message {
  kmux::channel channel;
  std::shared_ptr<const wire_message<zmtp_message>> wire;
  const header& head;    ///< valid during the call
  const header& parent;  ///< valid during the call
  std::uint64_t number;  ///< in its journal; 0: it has none
  bool kept;             ///< there
  bool for_clients;      ///< else it concerns nobody but the daemon
};

/// Connects to one incarnation of a kernel, shared by all of its clients. Made when the process has
/// been started, destroyed when it has ended: what was queued for a dead process goes with it.
/// No handler runs after the destructor. Loop thread only.
class kernel_link {
public:
  struct handlers {
    std::function<void(const kernel_message&)> message;
    std::function<void()> connected;       ///< once: requests are answered and iopub is heard
    std::function<void()> shell_answered;  ///< once: it is not busy
    std::function<void()> beat;            ///< the heartbeat's echo
    std::function<void()> writable;        ///< after send() was false: there is room again
  };

  /// `adopted`: the kernel has been running and may be busy, so that it is asked on control as
  /// well. `peer`: whose process it must be, where it is not ours.
  kernel_link(boost::asio::io_context& io, receive_buffer& buffer, counters& counted,
              const connection_info& where, const message_limits& limits, bool adopted,
              std::optional<uid_t> peer, handlers on);
  ~kernel_link();

  /// Signs and sends; false where too much is waiting already (writable will tell).
  bool send(channel, const message_view&);
  void send_heartbeat();

  bool connected() const noexcept { return nudge_.connected(); }
  const std::string& session() const noexcept { return session_; }

  bool request_shutdown(bool restart);
  bool request_interrupt();

private:
  zmtp_settings settings_for(zmtp_role, const std::string& endpoint) const;
  void receive(channel, zmtp_message&&);
  void on_own_reply(channel);
  void drop(channel, errc);
  void nudged(nudge::action);
  void arm_nudge();
  sender me() const;

  counters& counted_;
  message_limits limits_;
  std::optional<uid_t> peer_;
  bool adopted_;
  bool shell_answered_ = false;
  handlers on_;
  std::string session_;
  std::string routing_id_;  ///< shell and stdin share it: kernels address stdin by shell's
  signer signer_;
  replay_guard replays_;
  nudge nudge_;
  alarm nudge_timer_;
  header head_, parent_;
  std::string parent_text_;  ///< what parent_ was read from
  std::uint64_t dropped_ = 0;
  mutable std::string date_;
  std::array<std::unique_ptr<zmtp_port>, 4> ports_;
  std::unique_ptr<zmtp_port> heartbeat_;
};

}  // namespace kmux::daemon
