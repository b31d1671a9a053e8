#pragma once
// A client's socket, with all output through one queue.

#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "daemon/async/event.hpp"
#include "daemon/http/outgoing.hpp"
#include "daemon/http/tls.hpp"

namespace kmux::daemon {

/// A TCP or Unix stream socket. It is an AsyncStream for Beast, whose writes (pongs, the handshake)
/// join the same queue as our own frames; hundreds of small frames then leave in one system call.
/// Writes through the AsyncStream interface are taken whole, so frames never interleave.
/// Held by shared_ptr: a pending write keeps it alive. Loop thread only.
class peer_stream : public std::enable_shared_from_this<peer_stream> {
public:
  using socket_type = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                       boost::asio::io_context::executor_type>;
  using executor_type = socket_type::executor_type;

  /// Without `tls`, bytes pass as they are.
  peer_stream(boost::asio::io_context&, socket_type, std::unique_ptr<tls_session> tls = {});

  /// Bytes of memory besides an item's own, measured with frames of 1 KiB.
  static constexpr std::size_t cost_of_item = 512;

  executor_type get_executor() noexcept { return socket_.get_executor(); }

  /// Appends to the queue; sent by the next flush().
  void push(outgoing_ptr);
  /// Sends what the socket takes now; the rest follows by itself when it is writable.
  void flush();
  /// flush() once the loop comes round: for many push() in a row.
  void flush_soon();
  /// Drops what has not begun to be sent, takes `last` and nothing after it. For closing.
  void finish(outgoing_ptr last);

  std::size_t pending_bytes() const noexcept { return pending_ + sealed_.size() - sealed_sent_; }
  /// What waits behind the item that is being sent, and what it takes to hold it.
  std::size_t waiting_bytes() const noexcept {
    if (queue_.empty()) return 0;
    return pending_ - (queue_.front()->size - offset_) + (queue_.size() - 1) * cost_of_item;
  }
  bool broken() const noexcept { return broken_; }
  /// Waits until everything has been handed to the system, or the connection is broken.
  boost::asio::awaitable<void> drained();
  /// Waits until no more than `bytes` wait behind what is being sent, or the connection is broken.
  static boost::asio::awaitable<void> room(std::shared_ptr<peer_stream>, std::size_t bytes);

  /// Ends reads and writes at once.
  void close();
  /// Says that nothing more will be sent (FIN).
  void shutdown_send();
  /// For an end that the peer does not expect yet: sends what is queued and FIN, then reads on for
  /// a moment. Closing with unread input would make the system send a reset, which can overtake our
  /// last words.
  boost::asio::awaitable<void> linger();

  /// Between two requests, with nothing under way: may be closed at any moment.
  void set_idle(bool idle) noexcept { idle_ = idle; }
  bool idle() const noexcept { return idle_; }

  /// Whose certificate the client has shown; empty for none.
  std::string client_name() const { return tls_ ? tls_->client_name() : ""; }

  /// `bytes` come out of the next reads, before what the socket has.
  void unread(std::string bytes) { unread_ = std::move(bytes); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (unread_.empty() && tls_) {
            // Handlers can only be moved, and what is kept for later must be copyable.
            auto kept = std::make_shared<decltype(handler)>(std::move(handler));
            return read_tls(first_of(into), [this, kept](error_code ec, std::size_t n) {
              post_result(std::move(*kept), ec, n);
            });
          }
          if (unread_.empty()) return socket_.async_read_some(into, std::move(handler));
          const std::size_t n = boost::asio::buffer_copy(into, boost::asio::buffer(unread_));
          unread_.erase(0, n);
          post_result(std::move(handler), {}, n);
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          std::string bytes(boost::asio::buffer_size(from), '\0');
          boost::asio::buffer_copy(boost::asio::buffer(bytes), from);
          const std::size_t n = bytes.size();
          push(make_outgoing(std::move(bytes)));
          flush();
          post_result(std::move(handler), broken_ ? broken_reason() : error_code{}, n);
        },
        token, buffers);
  }

private:
  using error_code = boost::system::error_code;

  template <class Handler>
  void post_result(Handler handler, error_code ec, std::size_t n) {
    // Through the handler's own executor (and not inline), as Asio demands of an initiation.
    auto executor = boost::asio::get_associated_executor(handler, get_executor());
    boost::asio::post(executor, [h = std::move(handler), ec, n]() mutable { h(ec, n); });
  }

  template <class Buffers>
  static boost::asio::mutable_buffer first_of(const Buffers& buffers) {
    for (auto each = boost::asio::buffer_sequence_begin(buffers);
         each != boost::asio::buffer_sequence_end(buffers); ++each) {
      if (const boost::asio::mutable_buffer one = *each; one.size() > 0) return one;
    }
    return {};
  }

  using read_handler = std::function<void(error_code, std::size_t)>;
  void read_tls(boost::asio::mutable_buffer into, read_handler done);
  void flush_tls();
  /// Encrypts some of the queue; false where there is nothing to send.
  bool seal_some();
  void refuse_http();

  static error_code broken_reason() { return boost::asio::error::connection_reset; }
  void fail();
  void wait_writable();
  /// Advances the queue by `n` bytes sent.
  void sent(std::size_t n);

  socket_type socket_;
  std::deque<outgoing_ptr> queue_;
  std::size_t offset_ = 0;   ///< how much of queue_.front() is sent
  std::size_t pending_ = 0;  ///< bytes in the queue that are not sent
  std::string unread_;
  std::unique_ptr<tls_session> tls_;
  std::string sealed_;           ///< encrypted, on its way
  std::size_t sealed_sent_ = 0;  ///< how much of it is sent
  event drained_;
  std::size_t wanted_room_ = 0;  ///< drained_ is told when so little waits; 0: at the end
  bool waiting_ = false, scheduled_ = false, finished_ = false, broken_ = false, idle_ = false;
};

}  // namespace kmux::daemon
