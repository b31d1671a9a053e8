#include "daemon/http/connection.hpp"

#include <boost/asio/completion_condition.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/http/body_source.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::string_view end_of_head = "\r\n\r\n";
constexpr std::size_t most_chunks_waiting = 256 << 10;  ///< bytes
constexpr std::size_t most_of_a_read = 64 << 10;        ///< bytes

http_response too_much() {
  auto response = error_response(
      503, "Too much is being sent to this server at the moment, most of it by this request.");
  response.headers.emplace_back("Retry-After", "10");
  return response;
}

/// Breaks off the connection's reads when time is up. The stream is closed for good: what follows
/// an unfinished request could not be told apart from it.
class deadline {
public:
  deadline(std::shared_ptr<peer_stream> stream)
      : stream_(std::move(stream)),
        timer_(stream_->get_executor()),
        expired_(std::make_shared<bool>(false)) {}

  void arm(std::chrono::milliseconds after, bool say_so) {
    timer_.expires_after(after);
    timer_.async_wait([stream = stream_, expired = expired_, say_so](boost::system::error_code ec) {
      if (ec) return;
      *expired = true;
      if (say_so) {
        const auto response = error_response(408, "The request did not arrive in time.");
        stream->finish(make_outgoing(serialize(response, false, false)));
      }
      stream->close();
    });
  }
  void disarm() { timer_.cancel(); }
  bool expired() const noexcept { return *expired_; }

private:
  std::shared_ptr<peer_stream> stream_;
  asio::steady_timer timer_;
  std::shared_ptr<bool> expired_;  ///< shared with the wait, which may outlive us by a moment
};

class connection {
public:
  connection(std::shared_ptr<peer_stream> stream, peer_info peer, connection_settings settings,
             const http_service& service, receive_budget& budget, served_list::entry& place,
             const bool& stopping)
      : stream_(std::move(stream)),
        peer_(std::move(peer)),
        settings_(settings),
        service_(service),
        place_(place),
        stopping_(stopping),
        deadline_(stream_),
        body_(budget, [stream = stream_] {
          stream->finish(make_outgoing(serialize(too_much(), false, false)));
          stream->close();
        }) {}

  asio::awaitable<void> run() {
    bool more = co_await exchange(settings_.header_timeout);
    while (more && !stopping_)
      more = co_await exchange(settings_.idle_timeout);
    if (upgrade_) co_return;
    // What the client sent behind its last request is not read: to close upon it would be a reset,
    // which takes answers with it that are on their way.
    if (!stopping_) co_await stream_->linger();
    stream_->close();
  }

  /// Set where the client asked for a WebSocket and gets it.
  struct upgrade {
    http_request request;
    http_response response;
  };
  std::unique_ptr<upgrade> take_upgrade() {
    if (upgrade_) stream_->unread(std::move(buffer_));
    return std::move(upgrade_);
  }

private:
  /// One request and its response; false when the connection is to end, or to become a WebSocket.
  asio::awaitable<bool> exchange(std::chrono::milliseconds patience) {
    auto verdict = co_await read_head(patience);
    if (verdict.status < 0) co_return false;
    if (verdict.status != 0) {
      co_await refuse(error_response(verdict.status, verdict.message));
      co_return false;
    }
    if (!co_await read_body(verdict)) co_return false;
    const let_go released(body_);
    http_request& request = verdict.request;
    request.peer = peer_;
    request.peer.certificate = stream_->client_name();
    http_response response = co_await service_(request);
    if (response.websocket) {
      upgrade_ = std::make_unique<upgrade>(upgrade{std::move(request), std::move(response)});
      co_return false;
    }
    if (response.close) {
      co_await refuse(std::move(response));
      co_return false;
    }
    // After an upgrade that did not come about, a proxy may take what its client says for a
    // tunnel's.
    const bool keep = verdict.keep_alive && !stopping_ && request.header("Upgrade") == nullptr;
    const bool head_only = request.method == "HEAD";
    const bool in_pieces = response.source && !head_only;
    if (in_pieces) place_.set_long(&request.who, [stream = stream_] { stream->close(); });
    co_await send(serialize(response, head_only, keep));
    if (in_pieces) {
      co_await send_chunks(*response.source);
      place_.set_long(nullptr);
    }
    co_return keep && !stream_->broken();
  }

  /// status < 0: the connection has ended without anything to answer.
  asio::awaitable<head_verdict> read_head(std::chrono::milliseconds patience) {
    head_verdict verdict;
    if (buffer_.empty()) {
      deadline_.arm(patience, false);
      stream_->set_idle(true);
      auto dynamic = asio::dynamic_buffer(buffer_, settings_.limits.max_bytes);
      const auto [ec, n] =
          co_await asio::async_read(*stream_, dynamic, asio::transfer_at_least(1), as_result);
      stream_->set_idle(false);
      if (ec) {
        deadline_.disarm();
        verdict.status = -1;
        co_return verdict;
      }
    }
    deadline_.arm(settings_.header_timeout, true);
    auto dynamic = asio::dynamic_buffer(buffer_, settings_.limits.max_bytes + 1);
    const auto [ec, size] =
        co_await asio::async_read_until(*stream_, dynamic, end_of_head, as_result);
    deadline_.disarm();
    if (ec == asio::error::not_found) {
      verdict = judge_head(buffer_, settings_.limits);
    } else if (ec) {
      verdict.status = -1;
    } else {
      verdict = judge_head(std::string_view(buffer_).substr(0, size), settings_.limits);
      buffer_.erase(0, size);
    }
    co_return verdict;
  }

  asio::awaitable<bool> read_body(head_verdict& verdict) {
    if (verdict.content_length == 0) co_return true;
    if (verdict.expects_continue && buffer_.empty()) {
      stream_->push(make_outgoing("HTTP/1.1 100 Continue\r\n\r\n"));
      stream_->flush();
    }
    std::string& body = verdict.request.body;
    body = buffer_.substr(0, verdict.content_length);
    buffer_.erase(0, body.size());
    const std::size_t missing = verdict.content_length - body.size();
    if (missing == 0) co_return true;
    deadline_.arm(settings_.body_timeout, true);
    bool fits = true;
    const auto until_whole = [&](boost::system::error_code ec, std::size_t n) -> std::size_t {
      fits = fits && body_.hold(body.capacity());
      return ec || !fits ? 0 : std::min(missing - n, most_of_a_read);
    };
    auto dynamic = asio::dynamic_buffer(body);
    const auto [ec, n] = co_await asio::async_read(*stream_, dynamic, until_whole, as_result);
    deadline_.disarm();
    if (!fits) co_await refuse(too_much());
    co_return !ec && fits;
  }

  asio::awaitable<void> send(std::string bytes) {
    stream_->push(make_outgoing(std::move(bytes)));
    stream_->flush();
    if (stream_->pending_bytes() == 0) co_return;
    deadline_.arm(settings_.body_timeout, false);
    co_await stream_->drained();
    deadline_.disarm();
  }

  asio::awaitable<void> send_chunks(body_source& source) {
    while (!stream_->broken()) {
      std::string piece = co_await source.next();
      const bool last = piece.empty();
      std::string chunk = fmt::format("{:x}\r\n", piece.size());
      chunk += piece;
      chunk += "\r\n";
      stream_->push(make_outgoing(std::move(chunk)));
      stream_->flush();
      if (last) co_return;
      deadline_.arm(settings_.body_timeout, false);
      co_await peer_stream::room(stream_, most_chunks_waiting);
      deadline_.disarm();
    }
  }

  asio::awaitable<void> refuse(http_response response) {
    co_await send(serialize(response, false, false));
  }

  /// The body is gone when the exchange is.
  struct let_go {
    explicit let_go(receive_budget::share& what) : what_(what) {}
    ~let_go() { what_.release(); }
    receive_budget::share& what_;
  };

  std::shared_ptr<peer_stream> stream_;
  peer_info peer_;
  connection_settings settings_;
  const http_service& service_;
  served_list::entry& place_;
  const bool& stopping_;
  deadline deadline_;
  receive_budget::share body_;
  std::string buffer_;
  std::unique_ptr<upgrade> upgrade_;
};

}  // namespace

asio::awaitable<void> serve_connection(std::shared_ptr<peer_stream> stream, peer_info peer,
                                       connection_settings settings, const http_service& service,
                                       receive_budget& budget, ws_registry& registry,
                                       served_list::entry& place, const bool& stopping) {
  std::unique_ptr<connection::upgrade> upgrade;
  {
    // Everything HTTP needs is gone before a WebSocket begins, which may idle for days.
    const auto http = std::make_unique<connection>(stream, std::move(peer), settings, service,
                                                   budget, place, stopping);
    co_await http->run();
    upgrade = http->take_upgrade();
  }
  if (!upgrade) co_return;
  auto request = std::move(upgrade->request);
  auto response = std::move(upgrade->response);
  upgrade.reset();
  co_await serve_websocket(std::move(stream), std::move(request), std::move(response),
                           settings.websocket, budget, registry, place, stopping);
}

}  // namespace kmux::daemon
