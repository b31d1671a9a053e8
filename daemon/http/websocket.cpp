#include "daemon/http/websocket.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace kmux::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

// How Beast ends the connection below it (found by argument-dependent lookup).
inline void teardown(beast::role_type, peer_stream& stream, boost::system::error_code& ec) {
  stream.shutdown_send();
  ec = {};
}

inline void beast_close_socket(peer_stream& stream) {
  stream.close();
}

template <class Handler>
void async_teardown(beast::role_type, peer_stream& stream, Handler&& handler) {
  stream.flush();
  if (stream.pending_bytes() == 0) stream.shutdown_send();
  asio::post(stream.get_executor(),
             [h = std::forward<Handler>(handler)]() mutable { h(boost::system::error_code{}); });
}

namespace {

constexpr std::size_t kept_buffer = 16 << 10;  ///< a larger read buffer is given back when empty
constexpr auto close_grace = std::chrono::seconds(5);
constexpr std::uint16_t too_much_code = 1013;  ///< "try again later"
constexpr std::uint16_t not_good_code = 1008;  ///< RFC 6455, 7.4.1: a policy is violated
constexpr std::string_view not_good =
    "The token of this connection was revoked or has expired. Connect with another.";
constexpr std::string_view too_much =
    "Too much is being sent to this server at the moment, most of it by this client.";

beast::http::request<beast::http::empty_body> to_beast(const http_request& request) {
  beast::http::request<beast::http::empty_body> out;
  out.method_string(request.method);
  out.target(request.target);
  out.version(11);
  for (const auto& [name, value] : request.headers)
    out.insert(name, value);
  return out;
}

using stream_type = websocket::stream<peer_stream&, false>;

void give_back(beast::flat_buffer& buffer) {
  buffer.consume(buffer.size());
  if (buffer.capacity() > kept_buffer) buffer.shrink_to_fit();
}

/// An error is the end: error::closed where the peer has said so or has answered a close of ours;
/// else it is broken, and Beast has told the peer why. What comes after a close of ours is not
/// kept.
asio::awaitable<boost::system::error_code> read_message(stream_type& ws, ws_link& link,
                                                        receive_budget::share& share,
                                                        beast::flat_buffer& buffer) {
  do {
    const auto [ec, size] = co_await ws.async_read_some(buffer, 0, as_result);
    if (ec) co_return ec;
    link.heard();
    if (!share.hold(buffer.capacity())) link.close(too_much_code, too_much);
    if (link.closing()) give_back(buffer);
  } while (!ws.is_message_done());
  co_return boost::system::error_code();
}

/// True: both have said that nothing follows.
asio::awaitable<bool> read_messages(stream_type& ws, ws_link& link, receive_budget::share& share,
                                    websocket_handler& handler) {
  beast::flat_buffer buffer;
  for (;;) {
    const auto ended = co_await read_message(ws, link, share, buffer);
    if (ended) co_return ended == websocket::error::closed;
    if (!link.closing()) {
      const auto data = buffer.cdata();
      co_await handler.received({static_cast<const char*>(data.data()), data.size()},
                                ws.got_text());
    }
    give_back(buffer);
    share.release();
  }
}

}  // namespace

void ws_link::close(std::uint16_t code, std::string_view reason) {
  if (closing_) return;
  closing_ = true;
  closed_at_ = clock::now();
  stream_->finish(make_ws_close(code, reason));
}

void ws_link::closed_by_peer() noexcept {
  if (closing_) return;
  closing_ = true;
  closed_at_ = clock::now();
}

void ws_link::keep_alive(clock::time_point now, clock::duration interval, clock::duration timeout) {
  if (closing_) {
    if (now - closed_at_ > close_grace) stream_->close();
  } else if (now - last_heard_ > timeout) {
    close(1001, "No answer to a ping for too long.");
  } else if (now - last_heard_ > interval) {
    send(make_ws_control(ws_opcode::ping, {}));
  }
}

void ws_registry::keep_alive(ws_link::clock::duration interval, ws_link::clock::duration timeout) {
  const auto now = ws_link::clock::now();
  // Closing a link ends its coroutine later, from the loop: the list does not change under us.
  for (ws_link* const link : links_)
    link->keep_alive(now, interval, timeout);
}

void ws_registry::abort_all() {
  for (ws_link* const link : links_)
    link->abort();
}

void ws_registry::close_all(std::uint16_t code, std::string_view reason) {
  for (ws_link* const link : links_)
    link->close(code, reason);
}

asio::awaitable<void> serve_websocket(std::shared_ptr<peer_stream> stream, http_request request,
                                      http_response response, ws_settings settings,
                                      receive_budget& budget, ws_registry& registry,
                                      served_list::entry& place, const bool& stopping) {
  stream_type ws(*stream);
  ws.read_message_max(settings.max_message);
  ws.set_option(websocket::stream_base::decorator([&](websocket::response_type& r) {
    r.set(beast::http::field::server, "kmuxd");
    for (const auto& [name, value] : response.headers)
      r.set(name, value);
    if (!response.subprotocol.empty()) {
      r.set(beast::http::field::sec_websocket_protocol, response.subprotocol);
    }
  }));
  const auto handler = response.websocket;
  ws_link link(stream);
  ws.control_callback([&](websocket::frame_type type, beast::string_view payload) {
    link.heard();
    if (type == websocket::frame_type::close) return link.closed_by_peer();
    if (type == websocket::frame_type::pong && !payload.empty()) {
      handler->ponged({payload.data(), payload.size()});
    }
  });
  const auto handshake = to_beast(request);
  // The credentials may be taken away while the answer is on its way.
  place.set_long(&request.who, [&stream] { stream->close(); });
  const auto [ec] = co_await ws.async_accept(handshake, as_result);
  if (ec) {
    place.set_long(nullptr);
    co_return stream->close();
  }
  bool agreed = false;
  {
    const ws_registry::entry registered(registry, link);
    place.set_long(&request.who, [&link] { link.close(not_good_code, not_good); });
    handler->opened(link);
    receive_budget::share share(budget, [&stream] {
      stream->finish(make_ws_close(too_much_code, too_much));
      stream->close();
    });
    agreed = co_await read_messages(ws, link, share, *handler);
    handler->closed();
    place.set_long(nullptr);
  }
  // What the peer has sent must be read, or it might not get what we have said last. Where both
  // have said that nothing follows, and somebody waits for our end, the server closes first
  // (RFC 6455, 7.1.1).
  if (!agreed || !stopping) co_await stream->linger();
  stream->close();
}

}  // namespace kmux::daemon
