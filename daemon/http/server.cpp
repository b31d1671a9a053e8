#include "daemon/http/server.hpp"

#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

std::vector<gid_t> peer_groups(int fd) {
  std::vector<gid_t> out(64);
  socklen_t size = static_cast<socklen_t>(out.size() * sizeof(gid_t));
  int failed = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out.data(), &size);
  if (failed != 0 && errno == ERANGE) {
    out.resize(size / sizeof(gid_t));
    failed = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out.data(), &size);
  }
  out.resize(failed == 0 ? size / sizeof(gid_t) : 0);
  return out;
}

/// A socket file that nobody listens on is a leftover; one that answers belongs to somebody.
bool is_stale(const local::endpoint& where) {
  struct stat about {};
  // To connect to any other file is refused as well, and it is not ours to remove.
  if (::lstat(where.path().c_str(), &about) != 0 || !S_ISSOCK(about.st_mode)) return false;
  asio::io_context io;
  local::socket probe(io);
  boost::system::error_code ec;
  probe.connect(where, ec);
  return ec == asio::error::connection_refused;
}

std::string url_of(const listen_address& where, const std::string& base_url, bool tls) {
  if (!where.path.empty()) {
    return fmt::format("http+unix://{}{}", percent_encode(where.path), base_url);
  }
  const bool v6 = where.host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}{}", tls ? "https" : "http",
                     v6 ? "[" + where.host + "]" : where.host, where.port, base_url);
}

}  // namespace

bool is_at(const listen_address& wanted, const listen_address& found) {
  if (!wanted.path.empty() || !found.path.empty()) return wanted.path == found.path;
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(wanted.host, ec);
  return !ec && address.to_string() == found.host &&
         (wanted.port == 0 || wanted.port == found.port);
}

std::optional<listen_address> address_of(const unique_fd& fd) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return std::nullopt;
  }
  sockaddr_storage raw{};
  size = sizeof raw;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&raw), &size) != 0) return std::nullopt;
  listen_address out;
  if (raw.ss_family == AF_UNIX) {
    out.path = reinterpret_cast<const sockaddr_un&>(raw).sun_path;
    return out.path.empty() ? std::nullopt : std::optional(out);  // an abstract name, or none
  }
  if (raw.ss_family != AF_INET && raw.ss_family != AF_INET6) return std::nullopt;
  tcp::endpoint endpoint;
  endpoint.resize(size);
  std::memcpy(endpoint.data(), &raw, size);
  out.host = endpoint.address().to_string();
  out.port = endpoint.port();
  return out;
}

server::server(asio::io_context& io, connection_settings settings, std::size_t max_connections,
               http_service service)
    : io_(io),
      settings_(settings),
      max_connections_(max_connections),
      service_(std::move(service)),
      budget_(settings.max_receiving),
      accepting_(io),
      tasks_(io) {
}

server::~server() = default;

void server::set_settings(connection_settings settings, std::size_t max_connections) {
  settings_ = settings;
  max_connections_ = max_connections;
  budget_.set_most(settings.max_receiving);
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
    return open<local>(endpoint, where, base_url);
  }
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(where.host, ec);
  if (ec) return error{errc::bad_field, "not an IP address to listen on: " + where.host};
  auto named = where;
  named.host = address.to_string();
  return open<tcp>({address, where.port}, named, base_url);
}

template <class Protocol>
result<void> server::open(const typename Protocol::endpoint& endpoint, const listen_address& where,
                          const std::string& base_url) {
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
  auto bound = where;
  if constexpr (!is_local) bound.port = acceptor->local_endpoint().port();
  begin(std::move(acceptor), std::move(bound), true, base_url);
  return {};
}

result<void> server::listen(handed_socket handed, const std::string& base_url) {
  const auto take = [&]<class Protocol>(Protocol protocol) -> result<void> {
    auto acceptor = std::make_shared<acceptor_of<Protocol>>(io_);
    boost::system::error_code ec;
    acceptor->assign(protocol, handed.fd.get(), ec);
    if (ec) return error{errc::io, "cannot take over a socket: " + ec.message()};
    handed.fd.release();
    begin(std::move(acceptor), std::move(handed.where), handed.ours, base_url);
    return {};
  };
  if (!handed.where.path.empty()) return take(local());
  return take(handed.where.host.find(':') == std::string::npos ? tcp::v4() : tcp::v6());
}

template <class Acceptor>
void server::begin(std::shared_ptr<Acceptor> opened, listen_address where, bool ours,
                   const std::string& base_url) {
  urls_.push_back(url_of(where, base_url, tls_ != nullptr));
  acceptors_.push_back({std::move(where), ours, [opened] { opened->close(); },
                        [opened] { return opened->release(); }});
  // From the loop: if another address cannot be listened on, it never runs, and nobody joins.
  asio::post(io_, [this, opened] { accepting_.spawn("accept", accept(opened)); });
}

template <class Acceptor>
asio::awaitable<void> server::accept(std::shared_ptr<Acceptor> acceptor) {
  constexpr bool is_local = std::is_same_v<typename Acceptor::protocol_type, local>;
  while (acceptor->is_open()) {
    typename Acceptor::protocol_type::endpoint remote;
    typename Acceptor::protocol_type::socket::template rebind_executor<executor>::other socket(io_);
    const auto [ec] = co_await acceptor->async_accept(socket, remote, as_result);
    if (ec == asio::error::operation_aborted || (ec && !acceptor->is_open())) co_return;
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
      peer.groups = peer_groups(socket.native_handle());
    } else {
      boost::system::error_code ignored;  // the peer may have gone already
      socket.set_option(tcp::no_delay(true), ignored);
      peer.address = fmt::format("{}:{}", remote.address().to_string(), remote.port());
    }
    auto tls = is_local || !tls_ ? nullptr : tls_->new_session();
    serve(peer_stream::socket_type(std::move(socket)), std::move(peer), std::move(tls));
  }
}

void server::serve(peer_stream::socket_type socket, peer_info peer,
                   std::unique_ptr<tls_session> tls) {
  auto stream = std::make_shared<peer_stream>(io_, std::move(socket), std::move(tls));
  if (streams_.size() >= max_connections_) {
    if (full_) full_();
    const auto response = error_response(503, "Too many connections. Try again later.");
    stream->push(make_outgoing(serialize(response, false, false)));
    stream->flush();
    stream->shutdown_send();
    return stream->close();
  }
  tasks_.spawn("connection", serve_one(std::move(stream), std::move(peer)));
}

asio::awaitable<void> server::serve_one(std::shared_ptr<peer_stream> stream, peer_info peer) {
  served_list::entry place(streams_, *stream);
  co_await serve_connection(stream, std::move(peer), settings_, service_, budget_, registry_, place,
                            stopping_);
}

void server::stop_accepting() {
  for (const auto& each : acceptors_) {
    each.close();
    if (each.ours && !each.where.path.empty()) ::unlink(each.where.path.c_str());
  }
  acceptors_.clear();
}

std::vector<handed_socket> server::hand_over() {
  std::vector<handed_socket> out;
  for (const auto& each : acceptors_)
    out.push_back({each.where, unique_fd(each.release()), each.ours});
  acceptors_.clear();
  return out;
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
  co_await accepting_.join();  // one may still have been accepted, and is served
  co_await tasks_.join();
}

}  // namespace kmux::daemon
