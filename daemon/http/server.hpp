#pragma once
// Listening sockets and the connections they accept.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "daemon/async/task_group.hpp"
#include "daemon/http/connection.hpp"
#include "protocol/error.hpp"

namespace kmux::daemon {

/// Where to listen: a TCP address, or a Unix socket's path.
struct listen_address {
  std::string host;  ///< TCP: an IP address ("127.0.0.1", "::1") or "localhost"
  std::uint16_t port = 0;
  std::string path;  ///< Unix, where not empty
  unsigned mode = 0600;
};

/// The live connections, so that they can be cut off. A connection is in it while it is served.
class stream_list {
public:
  class entry {
  public:
    entry(stream_list& owner, peer_stream* stream) : owner_(owner), stream_(stream) {
      owner_.streams_.insert(stream_);
    }
    ~entry() { owner_.streams_.erase(stream_); }
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;

  private:
    stream_list& owner_;
    peer_stream* stream_;
  };
  std::size_t size() const noexcept { return streams_.size(); }
  void close_all(bool only_idle) {
    for (peer_stream* const stream : streams_) {
      if (stream->idle() || !only_idle) stream->close();
    }
  }

private:
  std::set<peer_stream*> streams_;
};

/// Accepts on several sockets and serves. Owned by the app. Stopping: stop_accepting(), then
/// end_connections(), then co_await join(), then destroy.
class server {
public:
  server(boost::asio::io_context& io, connection_settings settings, std::size_t max_connections,
         http_service service);
  ~server();

  /// Binds and listens at once; accepting begins with the loop. The error says what to do.
  result<void> listen(const listen_address&, const std::string& base_url);

  /// "http://127.0.0.1:8888/", "http+unix://%2Frun%2Fkmux%2Fadmin.sock/", in the order of listen().
  const std::vector<std::string>& urls() const noexcept { return urls_; }

  void set_settings(connection_settings settings, std::size_t max_connections);
  void keep_alive(std::chrono::milliseconds interval, std::chrono::milliseconds timeout) {
    registry_.keep_alive(interval, timeout);
  }
  std::size_t connections() const noexcept { return streams_.size(); }

  void stop_accepting();
  /// WebSockets get a close frame; requests under way are answered, idle connections close.
  void end_connections(std::uint16_t code, std::string_view reason);
  /// What is left is cut off.
  void abort_connections();
  boost::asio::awaitable<void> join();

private:
  template <class Protocol>
  result<void> open(const typename Protocol::endpoint&, const listen_address&);
  template <class Acceptor>
  boost::asio::awaitable<void> accept(std::shared_ptr<Acceptor>);
  void serve(peer_stream::socket_type socket, peer_info peer);
  boost::asio::awaitable<void> serve_one(std::shared_ptr<peer_stream> stream, peer_info peer);

  boost::asio::io_context& io_;
  connection_settings settings_;
  std::size_t max_connections_;
  http_service service_;
  ws_registry registry_;
  bool stopping_ = false;
  std::uint16_t opened_port_ = 0;  ///< of the last TCP acceptor: what port 0 became
  std::vector<std::string> urls_;
  std::vector<std::string> socket_files_;
  std::vector<std::function<void()>> close_acceptors_;
  stream_list streams_;
  task_group acceptors_;
  task_group tasks_;
};

}  // namespace kmux::daemon
