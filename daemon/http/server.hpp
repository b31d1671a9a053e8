#pragma once
// Listening sockets and the connections they accept.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "daemon/async/task_group.hpp"
#include "daemon/http/connection.hpp"
#include "proc/unique_fd.hpp"
#include "protocol/error.hpp"

namespace kmux::daemon {

/// Where to listen: a TCP address, or a Unix socket's path.
struct listen_address {
  std::string host;  ///< TCP: an IP address ("127.0.0.1", "::1")
  std::uint16_t port = 0;
  std::string path;  ///< Unix, where not empty
  unsigned mode = 0600;
};

/// A socket that listens, which somebody else has bound: the service manager, or the kmuxd that
/// this one replaces.
struct handed_socket {
  listen_address where;
  unique_fd fd;
  bool ours = false;  ///< a kmuxd's, and not the service manager's
};

/// Whether a socket that listens at `found` is what `wanted` asks for; port 0 wants any.
bool is_at(const listen_address& wanted, const listen_address& found);
/// Where it listens. Nothing if that is no stream socket of TCP or with a Unix path, or does not
/// listen.
std::optional<listen_address> address_of(const unique_fd&);

/// Accepts on several sockets and serves. Owned by the app. Stopping: stop_accepting(), then
/// end_connections(), then co_await join(), then destroy.
class server {
public:
  server(boost::asio::io_context& io, connection_settings settings, std::size_t max_connections,
         http_service service);
  ~server();

  /// Binds and listens at once; accepting begins with the loop. The error says what to do.
  result<void> listen(const listen_address&, const std::string& base_url);
  /// Takes over a socket that listens there already. Its file, if it has one, is removed at the end
  /// where it is ours.
  result<void> listen(handed_socket, const std::string& base_url);

  /// "http://127.0.0.1:8888/", "http+unix://%2Frun%2Fkmux%2Fadmin.sock/", in the order of listen().
  const std::vector<std::string>& urls() const noexcept { return urls_; }

  void set_settings(connection_settings settings, std::size_t max_connections);
  /// Called for each connection that was one too many.
  void set_full(std::function<void()> full) { full_ = std::move(full); }
  /// TLS for TCP from now on, before listen(); later another one, for new connections.
  void set_tls(std::shared_ptr<tls_context> tls) { tls_ = std::move(tls); }
  void keep_alive(std::chrono::milliseconds interval, std::chrono::milliseconds timeout) {
    registry_.keep_alive(interval, timeout);
  }
  /// WebSockets, and answers that go on for as long as they are read, whose credentials are no
  /// longer good: they end, with the reason.
  void end_where(const std::function<bool(const identity&)>& not_good) {
    streams_.end_long(not_good);
  }
  std::size_t connections() const noexcept { return streams_.size(); }

  void stop_accepting();
  /// The same, but the sockets go on listening: whoever connects meanwhile waits to be accepted.
  std::vector<handed_socket> hand_over();
  /// WebSockets get a close frame; requests under way are answered, idle connections close.
  void end_connections(std::uint16_t code, std::string_view reason);
  /// WebSockets whose clients do not answer the close are cut off.
  void abort_websockets() { registry_.abort_all(); }
  /// What is left is cut off.
  void abort_connections();
  boost::asio::awaitable<void> join();

private:
  /// One socket, whatever its protocol is.
  struct acceptor {
    listen_address where;
    bool ours = true;
    std::function<void()> close;
    std::function<int()> release;  ///< gives the descriptor up
  };
  template <class Protocol>
  result<void> open(const typename Protocol::endpoint&, const listen_address&,
                    const std::string& base_url);
  template <class Acceptor>
  void begin(std::shared_ptr<Acceptor>, listen_address, bool ours, const std::string& base_url);
  template <class Acceptor>
  boost::asio::awaitable<void> accept(std::shared_ptr<Acceptor>);
  void serve(peer_stream::socket_type socket, peer_info peer, std::unique_ptr<tls_session>);
  boost::asio::awaitable<void> serve_one(std::shared_ptr<peer_stream> stream, peer_info peer);

  boost::asio::io_context& io_;
  connection_settings settings_;
  std::size_t max_connections_;
  http_service service_;
  std::function<void()> full_;
  receive_budget budget_;
  ws_registry registry_;
  std::shared_ptr<tls_context> tls_;
  bool stopping_ = false;
  std::vector<std::string> urls_;
  std::vector<acceptor> acceptors_;
  served_list streams_;
  task_group accepting_;
  task_group tasks_;
};

}  // namespace kmux::daemon
