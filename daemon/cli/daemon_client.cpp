#include "daemon/cli/daemon_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "protocol/json_document.hpp"

namespace kmux::cli {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

namespace {

constexpr std::uint64_t most_body = std::uint64_t{256} << 20;

failure unreachable(const daemon_address& where, const error_code& ec) {
  return {exit_code::unreachable,
          fmt::format("No kmuxd answers at {}: {}. Is it running? --runtime-dir or --url say where "
                      "to look.",
                      where.name, ec.message())};
}

failure lost(const daemon_address& where, const error_code& ec) {
  if (ec == boost::beast::error::timeout) {
    return {exit_code::timed_out, fmt::format("kmuxd at {} has not answered in time.", where.name)};
  }
  return {exit_code::failed, fmt::format("kmuxd at {} went away: {}.", where.name, ec.message())};
}

/// Runs one step of the conversation to its end, or to the stream's deadline.
template <class Start>
error_code step(asio::io_context& io, Start start) {
  error_code out;
  start([&out](const error_code& ec, auto&&...) { out = ec; });
  io.restart();
  io.run();
  return out;
}

template <class Protocol>
answer_or_failure converse(boost::beast::basic_stream<Protocol>& stream, asio::io_context& io,
                           const daemon_address& where,
                           const http::request<http::string_body>& request) {
  if (const auto ec =
          step(io, [&](auto handler) { http::async_write(stream, request, std::move(handler)); })) {
    return lost(where, ec);
  }
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(most_body);
  if (request.method() == http::verb::head) parser.skip(true);
  if (const auto ec = step(io, [&](auto handler) {
        http::async_read(stream, buffer, parser, std::move(handler));
      })) {
    return lost(where, ec);
  }
  return answer{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

}  // namespace

void throw_exception_from_error(const failure& f, const boost::source_location&) {
  throw std::logic_error(f.text);
}

std::string answer::message() const {
  if (const auto document = json::parse_object(body, "the answer")) {
    if (const auto text = json::string_at(*document, "message")) return std::string(*text);
  }
  return fmt::format("kmuxd answered with status {}.", status);
}

result<daemon_address> address_of_url(const std::string& url, std::string token) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) {
    return error{errc::bad_field, "A kmuxd's URL begins with http://, this one does not: " + url};
  }
  const auto rest = url.substr(scheme.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  std::string host = rest.substr(0, slash);
  daemon_address out;
  out.token = std::move(token);
  out.name = url;
  if (slash < rest.size()) out.base_url = rest.substr(slash);
  if (!out.base_url.ends_with('/')) out.base_url += '/';
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    out.port = host.substr(colon + 1);
    host.resize(colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.host = host;
  if (host.empty() || out.port.find_first_not_of("0123456789") != std::string::npos) {
    return error{errc::bad_field, "That is not a URL of a host: " + url};
  }
  return out;
}

daemon_address address_of_runtime(const std::string& runtime_dir) {
  daemon_address out;
  out.socket = runtime_dir + "/admin.sock";
  out.name = out.socket;
  return out;
}

answer_or_failure daemon_client::ask(std::string_view method, const std::string& path,
                                     const std::string& body, std::chrono::seconds most) const {
  http::request<http::string_body> request(http::string_to_verb({method.data(), method.size()}),
                                           where_.base_url + path, 11);
  request.set(http::field::host, where_.socket.empty() ? where_.host : "localhost");
  request.set(http::field::connection, "close");
  if (!where_.token.empty()) request.set(http::field::authorization, "token " + where_.token);
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  asio::io_context io{1};
  if (!where_.socket.empty()) {
    boost::beast::basic_stream<local> stream(io);
    stream.expires_after(most);
    error_code ec;
    stream.socket().connect(local::endpoint(where_.socket), ec);
    if (ec) return unreachable(where_, ec);
    return converse(stream, io, where_, request);
  }
  boost::beast::basic_stream<tcp> stream(io);
  stream.expires_after(most);
  error_code ec;
  const auto found = tcp::resolver(io).resolve(where_.host, where_.port, ec);
  if (!ec) ec = step(io, [&](auto handler) { stream.async_connect(found, std::move(handler)); });
  if (ec) return unreachable(where_, ec);
  return converse(stream, io, where_, request);
}

}  // namespace kmux::cli
