#include "daemon/cli/daemon_client.hpp"

#include <fmt/format.h>

#include "daemon/cli/http_reader.hpp"
#include "protocol/json_document.hpp"

namespace kmux::cli {

namespace {

constexpr std::size_t most_body = std::size_t{256} << 20;

}  // namespace

std::string answer::message() const {
  if (const auto document = json::parse_object(body, "the answer")) {
    if (const auto text = json::string_at(*document, "message")) return std::string(*text);
  }
  return fmt::format("kmuxd answered with status {}.", status);
}

std::string daemon_client::head(std::string_view method, const std::string& path) const {
  const bool six = where_.host.find(':') != std::string::npos;
  const std::string host = where_.local() ? "localhost"
                           : six          ? fmt::format("[{}]:{}", where_.host, where_.port)
                                          : fmt::format("{}:{}", where_.host, where_.port);
  std::string out =
      fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n", method, where_.base_url, path, host);
  if (!where_.token.empty()) out += "Authorization: token " + where_.token.reveal() + "\r\n";
  return out;
}

outcome<answer> daemon_client::ask(std::string_view method, const std::string& path,
                                   const std::string& body, std::chrono::seconds most) const {
  const auto until = clock::now() + most;
  auto to = connection::open(where_, until);
  if (!to) return to.error();
  std::string request = head(method, path) + "Connection: close\r\n";
  if (!body.empty() || method == "POST") {
    request += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  }
  if (const auto sent = to->write(request + "\r\n" + body, until); !sent) return sent.error();
  http_reader from(*to);
  const auto status = from.head(until);
  if (!status) return status.error();
  answer out{*status, {}};
  for (;;) {
    const auto piece = from.piece([&] { return until; });
    if (!piece) return piece.error();
    if (piece->empty()) return out;
    out.body += *piece;
    if (out.body.size() > most_body) {
      return failure{exit_code::failed, "kmuxd's answer is too long."};
    }
  }
}

outcome<answer> daemon_client::stream(const std::string& path,
                                      const std::function<bool(std::string_view)>& take,
                                      std::chrono::seconds idle) const {
  const auto until = [idle] { return clock::now() + idle; };
  auto to = connection::open(where_, until());
  if (!to) return to.error();
  const std::string request = head("GET", path) + "Connection: close\r\n\r\n";
  if (const auto sent = to->write(request, until()); !sent) return sent.error();
  http_reader from(*to);
  const auto status = from.head(until());
  if (!status) return status.error();
  answer out{*status, {}};
  for (;;) {
    const auto piece = from.piece(until);
    if (!piece) return piece.error();
    if (piece->empty()) return out;
    if (!out.ok()) {
      out.body += *piece;
    } else if (!take(*piece)) {
      return out;
    }
  }
}

}  // namespace kmux::cli
