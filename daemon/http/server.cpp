#include "daemon/http/server.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "daemon/http/text.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;
using executor = asio::io_context::executor_type;

namespace {

template <class Protocol>
using acceptor_of = asio::basic_socket_acceptor<Protocol, executor>;

/// The process at the other end of a Unix socket, as the system vouches for it (unix(7)).
std::optional<uid_t> peer_uid(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return credentials.uid;
}

/// A socket file that nobody listens on is a leftover; one that answers belongs to somebody.
bool is_stale(const local::endpoint& where) {
  asio::io_context io;
  local::socket probe(io);
  boost::system::error_code ec;
  probe.connect(where, ec);
  return ec == asio::error::connection_refused;
}

}  // namespace

server::server(asio::io_context& io, connection_settings settings, std::size_t max_connections,
               http_service service)
    : io_(io),
      settings_(settings),
      max_connections_(max_connections),
      service_(std::move(service)),
      acceptors_(io),
      tasks_(io) {
}

server::~server() = default;

void server::set_settings(connection_settings settings, std::size_t max_connections) {
  settings_ = settings;
  max_connections_ = max_connections;
}

result<void> server::listen(const listen_address& where, const std::string& base_url) {
  if (!where.path.empty()) {
    if (where.path.size() >= sizeof(sockaddr_un::sun_path)) {
      return error{errc::too_large, "the socket's path is longer than 107 bytes: " + where.path};
    }
    const local::endpoint endpoint(where.path);
    if (::access(where.path.c_str(), F_OK) == 0 && is_stale(endpoint)) {
      ::unlink(where.path.c_str());
    }
    if (auto opened = open<local>(endpoint, where); !opened) return opened;
    urls_.push_back(fmt::format("http+unix://{}{}", percent_encode(where.path), base_url));
    return {};
  }
  boost::system::error_code ec;
  const auto address =
      asio::ip::make_address(where.host == "localhost" ? "127.0.0.1" : where.host, ec);
  if (ec) return error{errc::bad_field, "not an IP address to listen on: " + where.host};
  if (auto opened = open<tcp>({address, where.port}, where); !opened) return opened;
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  urls_.push_back(fmt::format("http://{}:{}{}", host, opened_port_, base_url));
  return {};
}

template <class Protocol>
result<void> server::open(const typename Protocol::endpoint& endpoint,
                          const listen_address& where) {
  auto acceptor = std::make_shared<acceptor_of<Protocol>>(io_);
  constexpr bool is_local = std::is_same_v<Protocol, local>;
  boost::system::error_code ec;
  acceptor->open(endpoint.protocol(), ec);
  if constexpr (!is_local) {
    if (!ec) acceptor->set_option(asio::socket_base::reuse_address(true), ec);
  }
  // The file must never be there with more rights than it will have: umask before bind.
  const mode_t previous = is_local ? ::umask(0777 & ~where.mode) : 0;
  if (!ec) acceptor->bind(endpoint, ec);
  if (is_local) ::umask(previous);
  if (!ec) acceptor->listen(4096, ec);
  if (ec) {
    const std::string name =
        is_local ? where.path : fmt::format("{} port {}", where.host, where.port);
    return error{errc::io, fmt::format("cannot listen on {}: {}. Is another server there? Choose "
                                       "another address with --listen.",
                                       name, ec.message())};
  }
  if constexpr (is_local) {
    socket_files_.push_back(where.path);
  } else {
    opened_port_ = acceptor->local_endpoint().port();
  }
  close_acceptors_.push_back([acceptor] { acceptor->close(); });
  // From the loop: if another address cannot be listened on, it never runs, and nobody joins.
  asio::post(io_, [this, acceptor] { acceptors_.spawn("accept", accept(acceptor)); });
  return {};
}

template <class Acceptor>
asio::awaitable<void> server::accept(std::shared_ptr<Acceptor> acceptor) {
  constexpr bool is_local = std::is_same_v<typename Acceptor::protocol_type, local>;
  while (acceptor->is_open()) {
    typename Acceptor::protocol_type::endpoint remote;
    typename Acceptor::protocol_type::socket::template rebind_executor<executor>::other socket(io_);
    const auto [ec] = co_await acceptor->async_accept(socket, remote, as_result);
    if (ec == asio::error::operation_aborted || !acceptor->is_open()) co_return;
    if (ec) {
      // Out of descriptors, most likely: accepting again at once would spin.
      spdlog::warn("event=accept_failed error=\"{}\"", ec.message());
      asio::steady_timer pause(io_, std::chrono::milliseconds(200));
      co_await pause.async_wait(as_result);
      continue;
    }
    peer_info peer;
    if constexpr (is_local) {
      peer.address = "unix";
      peer.uid = peer_uid(socket.native_handle());
    } else {
      boost::system::error_code ignored;  // the peer may have gone already
      socket.set_option(tcp::no_delay(true), ignored);
      peer.address = fmt::format("{}:{}", remote.address().to_string(), remote.port());
    }
    serve(peer_stream::socket_type(std::move(socket)), std::move(peer));
  }
}

void server::serve(peer_stream::socket_type socket, peer_info peer) {
  auto stream = std::make_shared<peer_stream>(io_, std::move(socket));
  if (streams_.size() >= max_connections_) {
    const auto response = error_response(503, "Too many connections. Try again later.");
    stream->push(make_outgoing(serialize(response, false, false)));
    stream->flush();
    stream->shutdown_send();
    return stream->close();
  }
  tasks_.spawn("connection", serve_one(std::move(stream), std::move(peer)));
}

asio::awaitable<void> server::serve_one(std::shared_ptr<peer_stream> stream, peer_info peer) {
  const stream_list::entry registered(streams_, stream.get());
  co_await serve_connection(stream, std::move(peer), settings_, service_, registry_, stopping_);
}

void server::stop_accepting() {
  for (const auto& close : close_acceptors_)
    close();
  close_acceptors_.clear();
  for (const auto& path : socket_files_)
    ::unlink(path.c_str());
  socket_files_.clear();
}

void server::end_connections(std::uint16_t code, std::string_view reason) {
  stopping_ = true;
  registry_.close_all(code, reason);
  streams_.close_all(true);
}

void server::abort_connections() {
  streams_.close_all(false);
  tasks_.cancel();
}

asio::awaitable<void> server::join() {
  co_await tasks_.join();
  co_await acceptors_.join();
}

}  // namespace kmux::daemon
