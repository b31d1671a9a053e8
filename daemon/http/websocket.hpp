#pragma once
// One WebSocket: Beast reads, our queue writes.

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "daemon/http/message.hpp"
#include "daemon/http/peer_stream.hpp"
#include "daemon/http/receive_budget.hpp"
#include "daemon/http/served_list.hpp"

namespace kmux::daemon {

/// The sending side of one open WebSocket. Lives from websocket_handler::opened to closed.
class ws_link {
public:
  using clock = std::chrono::steady_clock;

  explicit ws_link(std::shared_ptr<peer_stream> stream)
      : stream_(std::move(stream)), last_heard_(clock::now()) {}

  /// Queues a frame (see make_ws_frame); it leaves with the next flush_soon().
  void send(outgoing_ptr frame) {
    stream_->push(std::move(frame));
    stream_->flush_soon();
  }
  /// What waits behind the frame that is being sent.
  std::size_t waiting_bytes() const noexcept { return stream_->waiting_bytes(); }
  /// Until no more than `bytes` wait, or the connection is broken.
  boost::asio::awaitable<void> room(std::size_t bytes) { return peer_stream::room(stream_, bytes); }
  void ping(std::string_view payload) { send(make_ws_control(ws_opcode::ping, payload)); }

  /// Sends a close frame after dropping what is still queued; later frames go nowhere. The peer has
  /// until the next keep_alive() round or two to answer. May be called more than once.
  void close(std::uint16_t code, std::string_view reason);
  bool closing() const noexcept { return closing_; }
  /// It has sent a close frame, which is being answered: nothing may follow (RFC 6455, 5.5.1).
  void closed_by_peer() noexcept;
  /// Does not wait for the answer.
  void abort() { stream_->close(); }

  void heard() noexcept { last_heard_ = clock::now(); }
  /// Pings a silent peer, and gives up on one that is silent for longer than `timeout`, or that
  /// does not answer a close.
  void keep_alive(clock::time_point now, clock::duration interval, clock::duration timeout);

private:
  std::shared_ptr<peer_stream> stream_;
  clock::time_point last_heard_;
  clock::time_point closed_at_{};
  bool closing_ = false;
};

/// What an API does with a WebSocket. Owned by the connection's coroutine.
class websocket_handler {
public:
  virtual ~websocket_handler() = default;
  virtual void opened(ws_link&) = 0;
  /// The next message is read when this has ended: not ending is back-pressure on the client.
  virtual boost::asio::awaitable<void> received(std::string_view payload, bool text) = 0;
  /// The answer to a ping with that payload: everything sent before it has arrived.
  virtual void ponged(std::string_view /*payload*/) {}
  virtual void closed() = 0;
};

/// All open WebSockets, for keep-alive and for the orderly end. Registration is an object.
class ws_registry {
public:
  class entry {
  public:
    entry(ws_registry& owner, ws_link& link)
        : owner_(owner), place_(owner.links_.insert(owner.links_.end(), &link)) {}
    ~entry() { owner_.links_.erase(place_); }
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;

  private:
    ws_registry& owner_;
    std::list<ws_link*>::iterator place_;
  };

  std::size_t size() const noexcept { return links_.size(); }
  void keep_alive(ws_link::clock::duration interval, ws_link::clock::duration timeout);
  void close_all(std::uint16_t code, std::string_view reason);
  void abort_all();

private:
  std::list<ws_link*> links_;
};

struct ws_settings {
  std::size_t max_message = std::size_t{64} << 20;  ///< from the client; a longer one: close 1009
};

/// Answers the handshake and serves the socket until it ends. `request` has been checked by
/// is_websocket_upgrade.
boost::asio::awaitable<void> serve_websocket(std::shared_ptr<peer_stream> stream,
                                             http_request request, http_response response,
                                             ws_settings settings, receive_budget& budget,
                                             ws_registry& registry, served_list::entry& place,
                                             const bool& stopping);

}  // namespace kmux::daemon
