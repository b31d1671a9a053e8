#pragma once
// One client's WebSocket on a kernel: /api/kernels/{id}/channels.

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "daemon/async/alarm.hpp"
#include "daemon/http/websocket.hpp"
#include "daemon/kernels/delivery.hpp"
#include "daemon/kernels/kept_aside.hpp"
#include "daemon/kernels/place.hpp"
#include "proc/journal/reader.hpp"
#include "protocol/header.hpp"
#include "protocol/ws_v1.hpp"

namespace kmux::daemon {

class kernel;

/// Why a WebSocket was closed, beyond RFC 6455's own codes.
namespace close_code {
inline constexpr std::uint16_t bad_message = 1007;  ///< not what the protocol allows
inline constexpr std::uint16_t too_slow = 1008;  ///< takes less than is said, and nothing is kept
inline constexpr std::uint16_t not_allowed = 1008;
inline constexpr std::uint16_t replaced = 4001;     ///< the same session connected again
inline constexpr std::uint16_t kicked = 4403;       ///< somebody who may has closed it
inline constexpr std::uint16_t kernel_gone = 4404;  ///< the kernel was deleted
}  // namespace close_code

/// Where a client wants to begin: `channels?resume=`.
struct resume_point {
  enum class from {
    cursor,  ///< what its session has not confirmed; one that was never here: from now on
    now,
    number,  ///< everything above it
  };
  from what = from::cursor;
  std::uint64_t number = 0;
  bool counts() const noexcept { return what != from::cursor; }
};

/// Who is at the other end.
struct client_info {
  std::uint64_t number = 0;  ///< its own, as long as the daemon runs
  std::string owner;         ///< as whom it has come in
  std::string address;       ///< "127.0.0.1:40312" or "unix"
  std::chrono::system_clock::time_point since;
  std::string trace;  ///< W3C trace id; empty: none
};

/// Registered with its kernel while open. Decodes what the client sends and passes it on; gives it
/// every iopub message, and the replies to its own sessions, each once and in order: as they come,
/// or from the journal where the client has been away or is slow (see place).
class channels_socket : public websocket_handler,
                        public std::enable_shared_from_this<channels_socket> {
public:
  struct settings {
    std::string session_id;
    bool named = false;      ///< the client chose the session's name, and may come back with it
    bool read_only = false;  ///< whatever it sends ends it
    ws_protocol protocol = ws_protocol::legacy;
    resume_point resume;
    client_info client;
  };
  channels_socket(std::shared_ptr<kernel> owner, settings);
  ~channels_socket() override;

  void opened(ws_link&) override;
  boost::asio::awaitable<void> received(std::string_view payload, bool text) override;
  void ponged(std::string_view payload) override;
  void closed() override;

  const std::string& session_id() const noexcept { return session_id_; }
  bool named() const noexcept { return named_; }
  const resume_point& resume() const noexcept { return resume_; }
  const client_info& client() const noexcept { return client_; }
  /// It is fed from the journal.
  bool behind() const noexcept { return place_.behind(); }
  std::size_t waiting_bytes() const noexcept;
  /// What the API says of it, as JSON.
  std::string model() const;

  /// From the kernel's attach(): where the client is.
  void begin(place);
  /// The next message, which is `wanted` here or not. One without a number closes a socket that has
  /// too much waiting.
  void deliver(delivery&, bool wanted);
  /// What the daemon itself has to say, after everything up to number `after`.
  void tell(delivery&, std::uint64_t after);
  /// Everything up to the journal's end, which nothing will follow for a while.
  void read_to_end();
  void close(std::uint16_t code, std::string_view reason);

private:
  using batch = std::vector<journal::stored_record>;
  struct notice {
    std::uint64_t after;
    outgoing_ptr frame;
  };
  struct unkept {
    channel from;
    outgoing_ptr frame;  ///< nullptr: it is for others
    std::string parent_header;
  };

  errc decode(std::string_view payload, bool text, channel_message& out) const;
  bool open() const noexcept { return link_ != nullptr && !link_->closing(); }
  bool has_room_for(const outgoing&) const;

  std::size_t most_waiting() const;
  void keep_aside(delivery&, bool wanted);

  void send(channel, const outgoing_ptr&);
  void start_reading();
  boost::asio::awaitable<void> catch_up();
  boost::asio::awaitable<batch> read_some(std::shared_ptr<journal::reader>, bool here);
  void tell_slow();
  void replay(const journal::stored_record&);
  bool pass(std::uint64_t number, std::string_view parent);
  void send_kept_aside(std::uint64_t up_to);
  void tell_gap(const message_gap&, std::string_view parent);
  void send_notices(std::uint64_t up_to);
  void confirm_soon();
  void ping(alarm::clock::time_point now);

  std::shared_ptr<kernel> kernel_;
  std::string session_id_;
  bool named_, read_only_;
  ws_protocol protocol_;
  resume_point resume_;
  client_info client_;
  numbering numbering_;
  ws_link* link_ = nullptr;  ///< while open
  header head_, stored_head_, stored_parent_;

  place place_;
  bool reading_ = false;
  bool slow_ = false;  ///< has been, which was said
  std::deque<notice> notices_;
  kept_aside<unkept> aside_;
  std::uint64_t pinged_ = 0;  ///< the number in the ping that is under way; 0: none
  bool confirming_ = false;   ///< the alarm is set
  alarm::clock::time_point next_ping_{};
  alarm confirm_;
};

}  // namespace kmux::daemon
