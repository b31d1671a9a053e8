#include "daemon/cli/ws_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>

#include <fmt/format.h>

#include "daemon/cli/http_reader.hpp"
#include "protocol/base64.hpp"
#include "protocol/ids.hpp"

namespace kmux::cli {

namespace {

constexpr std::uint8_t continuation = 0, text = 1, binary = 2, close_frame = 8, ping = 9, pong = 10;
constexpr std::uint64_t most_payload = std::uint64_t{1} << 30;
constexpr auto send_patience = std::chrono::seconds(30);

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i)
    out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char c : bytes)
    out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

}  // namespace

outcome<ws_client> ws_client::open(const daemon_client& daemon, const std::string& path,
                                   clock::time_point until) {
  auto to = connection::open(daemon.where(), until);
  if (!to) return to.error();
  // The key proves to a cache that it is a WebSocket's answer; there is none between us and kmuxd.
  const auto request =
      daemon.head("GET", path) +
      fmt::format(
          "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: {}\r\n\r\n",
          base64(random_hex(8)));
  if (const auto sent = to->write(request, until); !sent) return sent.error();
  http_reader from(*to);
  const auto status = from.head(until);
  if (!status) return status.error();
  if (*status == 101) {
    auto rest = from.take_rest();
    return ws_client(std::move(*to), std::move(rest));
  }
  answer refused{*status, {}};
  for (;;) {
    const auto piece = from.piece([&] { return until; });
    if (!piece || piece->empty()) break;
    refused.body += *piece;
  }
  return failure{*status == 404 ? exit_code::not_found : exit_code::refused, refused.message(),
                 "kmux ps; a token that permits it"};
}

outcome<void> ws_client::send_frame(std::uint8_t opcode, std::string_view payload) {
  std::string out;
  out += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() < 65536) {
    out += static_cast<char>(0x80 | 126);
    append_big_endian(out, payload.size(), 2);
  } else {
    out += static_cast<char>(0x80 | 127);
    append_big_endian(out, payload.size(), 8);
  }
  const std::string mask = random_hex(2);  // four bytes; against caches between, which are none
  out += mask;
  const std::size_t begin = out.size();
  out += payload;
  for (std::size_t i = begin; i < out.size(); ++i)
    out[i] = static_cast<char>(out[i] ^ mask[(i - begin) % 4]);
  return to_.write(out, clock::now() + send_patience);
}

outcome<void> ws_client::send(std::string_view payload) {
  return send_frame(text, payload);
}

void ws_client::close() {
  const std::string normal{'\x03', '\xE8'};  // 1000
  (void)send_frame(close_frame, normal);     // whoever is gone already needs no goodbye
}

outcome<std::optional<ws_client::frame>> ws_client::take_frame() {
  const std::string_view bytes = buffer_;
  if (bytes.size() < 2) return std::nullopt;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  std::uint64_t size = second & 0x7F;
  const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (bytes.size() < 2 + more) return std::nullopt;
  if (more > 0) size = big_endian(bytes.substr(2, more));
  if ((second & 0x80) != 0 || size > most_payload) {
    return failure{exit_code::failed, "kmuxd sent what is no WebSocket frame."};
  }
  if (bytes.size() < 2 + more + size) return std::nullopt;
  frame out{static_cast<std::uint8_t>(first & 0x0F), (first & 0x80) != 0,
            std::string(bytes.substr(2 + more, size))};
  buffer_.erase(0, 2 + more + size);
  return out;
}

failure ws_client::closed(const frame& f) {
  if (f.payload.size() >= 2) {
    close_code_ = static_cast<std::uint16_t>(big_endian(std::string_view(f.payload).substr(0, 2)));
    close_reason_ = f.payload.substr(2);
  }
  return {exit_code::failed,
          close_reason_.empty() ? fmt::format("kmuxd closed the connection ({}).", close_code_)
                                : close_reason_,
          "kmux ps"};
}

outcome<std::optional<ws_client::message>> ws_client::on_frame(frame f) {
  switch (f.opcode) {
    case ping:
      if (const auto sent = send_frame(pong, f.payload); !sent) return sent.error();
      return std::nullopt;
    case close_frame:
      return closed(f);
    case text:
    case binary:
      partial_ = {std::move(f.payload), f.opcode == text};
      break;
    case continuation:
      partial_.payload += f.payload;
      break;
    default:
      return std::nullopt;
  }
  if (!f.last) return std::nullopt;
  return std::exchange(partial_, {});
}

/// False at `until`, or where a signal came.
bool ws_client::wait(clock::time_point until) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
  pollfd item{to_.fd(), POLLIN, 0};
  const int ready = ::poll(&item, 1, static_cast<int>(std::clamp<long>(left, 0, 1'000'000)));
  return ready > 0 || (ready < 0 && errno != EINTR);
}

outcome<std::optional<ws_client::message>> ws_client::receive(clock::time_point until) {
  for (;;) {
    auto next = take_frame();
    if (!next) return next.error();
    if (auto& whole = *next; whole) {
      auto made = on_frame(std::move(*whole));
      if (!made || *made) return made;
      continue;
    }
    if (!to_.pending() && !wait(until)) return std::nullopt;
    std::array<char, 64 << 10> bytes;
    const auto n = to_.read(bytes, until);
    // Over TLS what has come may be less than a record.
    if (!n && n.error().code == exit_code::timed_out) return std::nullopt;
    if (!n) return n.error();
    if (*n == 0) return failure{exit_code::failed, "kmuxd ended the connection.", "kmux status"};
    buffer_.append(bytes.data(), *n);
  }
}

}  // namespace kmux::cli
