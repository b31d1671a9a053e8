#include "daemon/hub/hub_client.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <fmt/format.h>

#include "daemon/async/event.hpp"

namespace kmux::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr std::uint64_t most_body = 1 << 20;

struct place {
  bool tls = false;
  std::string host, port, target;
};

place place_of(std::string_view url) {
  place out;
  out.tls = url.starts_with("https://");
  const auto mark = url.find("://");
  if (mark != std::string_view::npos) url.remove_prefix(mark + 3);
  const auto slash = std::min(url.find('/'), url.size());
  auto host = url.substr(0, slash);
  out.target = std::string(url.substr(slash));
  if (out.target.empty()) out.target = "/";
  const auto colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && host.find(']', colon) == host.npos;
  out.port = has_port ? std::string(host.substr(colon + 1)) : out.tls ? "443" : "80";
  host = host.substr(0, has_port ? colon : host.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.host = std::string(host);
  return out;
}

using request_type = http::request<http::string_body>;

request_type make_request(const hub_request& wanted, const place& where) {
  request_type out(http::string_to_verb({wanted.method.data(), wanted.method.size()}), where.target,
                   11);
  out.set(http::field::host, where.host + ":" + where.port);
  out.set(http::field::connection, "close");
  out.set(http::field::accept, "application/json");
  out.set(http::field::user_agent, "kmuxd");
  if (!wanted.token.empty()) out.set(http::field::authorization, "token " + wanted.token.reveal());
  if (!wanted.content_type.empty()) out.set(http::field::content_type, wanted.content_type);
  out.body() = wanted.body;
  out.prepare_payload();
  return out;
}

void fail(hub_answer& out, const error_code& ec) {
  out.late = ec == beast::error::timeout;
  out.problem = out.late ? "no answer in time" : ec.message();
}

template <class Stream>
asio::awaitable<void> converse(Stream& stream, const request_type& request, hub_answer& out) {
  if (const auto [ec, n] = co_await http::async_write(stream, request, as_result); ec) {
    co_return fail(out, ec);
  }
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(most_body);
  if (const auto [ec, n] = co_await http::async_read(stream, buffer, parser, as_result); ec) {
    co_return fail(out, ec);
  }
  auto answer = parser.release();
  out.status = static_cast<int>(answer.result_int());
  out.version = std::string(answer["X-JupyterHub-Version"]);
  out.body = std::move(answer.body());
}

/// Certificates of the Hub's own making, where it has some (internal_ssl); else the system's.
error_code trust(asio::ssl::context& tls, const config::hub_config& hub) {
  error_code ec;
  tls.set_verify_mode(asio::ssl::verify_peer, ec);
  if (hub.ssl_ca.empty()) {
    tls.set_default_verify_paths(ec);
  } else {
    tls.load_verify_file(hub.ssl_ca, ec);
  }
  if (!ec && !hub.ssl_cert.empty()) tls.use_certificate_chain_file(hub.ssl_cert, ec);
  if (!ec && !hub.ssl_key.empty())
    tls.use_private_key_file(hub.ssl_key, asio::ssl::context::pem, ec);
  return ec;
}

asio::awaitable<void> converse_by_tls(beast::tcp_stream stream, const config::hub_config& hub,
                                      std::string host, const request_type& request,
                                      hub_answer& out) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  if (const auto ec = trust(tls, hub)) co_return fail(out, ec);
  beast::ssl_stream<beast::tcp_stream> secured(std::move(stream), tls);
  secured.set_verify_callback(asio::ssl::host_name_verification(host));
  SSL_set_tlsext_host_name(secured.native_handle(), host.c_str());
  if (const auto [ec] = co_await secured.async_handshake(asio::ssl::stream_base::client, as_result);
      ec) {
    co_return fail(out, ec);
  }
  co_await converse(secured, request, out);
}

}  // namespace

asio::awaitable<hub_answer> hub_client::ask(hub_request wanted) const {
  hub_answer out;
  const bool whole = wanted.path.find("://") != std::string::npos;
  const auto where = place_of(whole ? wanted.path : hub_.api_url + wanted.path);
  const auto request = make_request(wanted, where);
  tcp::resolver resolver(io_);
  const auto [unknown, found] = co_await resolver.async_resolve(where.host, where.port, as_result);
  if (unknown) {
    fail(out, unknown);
    co_return out;
  }
  beast::tcp_stream stream(io_);
  stream.expires_after(hub_.timeout);
  if (const auto [ec, to] = co_await stream.async_connect(found, as_result); ec) {
    fail(out, ec);
    co_return out;
  }
  error_code ignored;  // a socket that cannot do this fails at its first use anyway
  stream.socket().set_option(tcp::no_delay(true), ignored);
  if (where.tls) {
    co_await converse_by_tls(std::move(stream), hub_, where.host, request, out);
  } else {
    co_await converse(stream, request, out);
  }
  co_return out;
}

}  // namespace kmux::daemon
