#include "client.hpp"

#include <array>
#include <fstream>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include <zmq.hpp>

#include "proc/child/multipart.hpp"
#include "protocol/connection_file.hpp"
#include "protocol/ids.hpp"
#include "protocol/json.hpp"
#include "protocol/requests.hpp"
#include "protocol/signer.hpp"
#include "protocol/wire_message.hpp"
#include "protocol/ws_v1.hpp"

namespace kmux::bench {

namespace {

using child::frame_list;
using child::receive_message;
using child::send_copies;

struct outgoing_request {
  std::string id = make_uuid();
  std::string header, content;

  outgoing_request(const std::string& session, const std::string& msg_type, std::string body)
      : header(make_header({id, session, "bench", "2026-01-01T00:00:00.000000Z", msg_type})),
        content(std::move(body)) {}
  message_view view() const { return {header, "{}", "{}", content, {}}; }
};

void look_into(const message_view& m, received& out) {
  if (peek_header(m.header, out.head) != errc::ok ||
      peek_header(m.parent_header, out.parent) != errc::ok) {
    throw std::runtime_error("a header that is no header");
  }
  out.content = m.content;
}

class zmq_client : public client {
public:
  explicit zmq_client(const connection_info& where) : signer_(where.key.reveal()) {
    shell_ = zmq::socket_t(context_, zmq::socket_type::dealer);
    iopub_ = zmq::socket_t(context_, zmq::socket_type::sub);
    iopub_.set(zmq::sockopt::rcvhwm, 0);
    iopub_.set(zmq::sockopt::subscribe, "");
    for (auto* const each : {&shell_, &iopub_}) {
      each->set(zmq::sockopt::linger, 0);
      each->set(zmq::sockopt::reconnect_ivl, 2);  // ms: it may be about to bind
    }
    shell_.connect(where.shell());
    iopub_.connect(where.iopub());
  }

  std::string request(const std::string& msg_type, const std::string& content) override {
    const outgoing_request r(session_, msg_type, content);
    signer::signature storage;
    const auto view = r.view();
    send_copies(shell_, encode_wire(signer_.sign(view, storage), view));
    return r.id;
  }

  void receive(received& out) override {
    for (;;) {
      for (auto* const each : {&iopub_, &shell_}) {
        frame_list frames;
        if (!receive_message(*each, frames)) continue;
        message_ = std::make_unique<wire_message<frame_list>>(std::move(frames));
        if (message_->decode({}) != errc::ok ||
            !signer_.verify(message_->message(), message_->view().signature)) {
          continue;
        }
        out.from = each == &shell_ ? channel::shell : channel::iopub;
        return look_into(message_->message(), out);
      }
      zmq_pollitem_t items[] = {{iopub_.handle(), 0, ZMQ_POLLIN, 0},
                                {shell_.handle(), 0, ZMQ_POLLIN, 0}};
      if (zmq_poll(items, 2, 20'000) <= 0) throw std::runtime_error("nothing came for 20 s");
    }
  }

private:
  zmq::context_t context_;
  zmq::socket_t shell_, iopub_;
  signer signer_;
  std::string session_ = make_uuid();
  std::unique_ptr<wire_message<frame_list>> message_;
};

/// A connection to a URL's host, and what has been read from it but not yet used.
class stream {
public:
  explicit stream(const std::string& url) {
    const auto begin = url.find("://") + 3;
    const auto slash = url.find('/', begin);
    authority = url.substr(begin, slash - begin);
    path = url.substr(slash);
    const auto colon = authority.rfind(':');
    connect(authority.substr(0, colon), authority.substr(colon + 1));
  }
  ~stream() { ::close(fd_); }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) throw std::runtime_error("the connection is broken");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void more(std::size_t least = 256 << 10) {
    if (at > (1 << 20) || at == buffer.size()) {
      buffer.erase(0, at);
      at = 0;
    }
    const std::size_t had = buffer.size();
    const std::size_t chunk = std::max<std::size_t>(wanted > had ? wanted - had : 0, least);
    buffer.resize(had + chunk);
    const ssize_t n = ::recv(fd_, buffer.data() + had, chunk, 0);
    buffer.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n <= 0) throw std::runtime_error("the connection ended");
  }

  int descriptor() const { return fd_; }

  std::string authority, path, buffer;
  std::size_t at = 0, wanted = 0;

private:
  void connect(const std::string& host, const std::string& port) {
    addrinfo* found = nullptr;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0)
      throw std::runtime_error("no such host");
    fd_ = ::socket(found->ai_family, SOCK_STREAM, 0);
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const int failed = ::connect(fd_, found->ai_addr, found->ai_addrlen);
    ::freeaddrinfo(found);
    if (failed != 0) throw std::runtime_error("cannot connect");
  }

  int fd_ = -1;
};

class ws_client : public client {
public:
  explicit ws_client(const std::string& url) : stream_(url) {
    stream_.write("GET " + stream_.path + " HTTP/1.1\r\nHost: " + stream_.authority +
                  "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Protocol: " +
                  std::string(ws_v1_subprotocol) + "\r\n\r\n");
    while (stream_.buffer.find("\r\n\r\n") == std::string::npos)
      stream_.more(4096);  // thousands of idle clients must fit in here
    if (stream_.buffer.find(" 101 ") != 8) throw std::runtime_error(stream_.buffer);
    stream_.at = stream_.buffer.find("\r\n\r\n") + 4;
  }

  std::string request(const std::string& msg_type, const std::string& content) override {
    const outgoing_request r(session_, msg_type, content);
    const std::string payload = encode_ws_v1(channel::shell, r.view()).flatten();
    std::string frame("\x82", 1);
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
    frame += std::string(4, '\0');  // a mask of zeros is a mask
    stream_.write(frame + payload);
    return r.id;
  }

  void receive(received& out) override {
    for (;;) {
      const auto [opcode, size] = frame();
      const std::string_view payload(stream_.buffer.data() + stream_.at, size);
      stream_.at += size;
      if (opcode == 9) pong(payload);
      if (opcode == 8) throw std::runtime_error("closed: " + std::string(payload.substr(2)));
      if (opcode != 2) continue;
      channel_message m;
      if (decode_ws_v1(payload, {}, m) != errc::ok)
        throw std::runtime_error("a frame that is none");
      out.from = m.channel;
      return look_into(m.message, out);
    }
  }

  void answer_ping() override {
    do {  // what came with it waits in the buffer, where poll(2) does not see it
      const auto [opcode, size] = frame();
      const std::string_view payload(stream_.buffer.data() + stream_.at, size);
      stream_.at += size;
      if (opcode == 9) pong(payload);
    } while (stream_.at < stream_.buffer.size());
  }
  int descriptor() const override { return stream_.descriptor(); }

private:
  /// What a ping says comes back; of at most 125 bytes, and masked with zeros.
  void pong(std::string_view payload) {
    std::string answer("\x8a", 1);
    answer += static_cast<char>(0x80 | payload.size());
    answer += std::string(4, '\0');
    stream_.write(answer.append(payload));
  }
  void need(std::size_t bytes) {
    stream_.wanted = stream_.at + bytes;
    while (stream_.buffer.size() - stream_.at < bytes)
      stream_.more();
    stream_.wanted = 0;
  }
  std::uint64_t number(std::size_t bytes) {
    need(bytes);
    std::uint64_t value = 0;
    for (; bytes > 0; --bytes)
      value = value << 8 | static_cast<unsigned char>(stream_.buffer[stream_.at++]);
    return value;
  }
  std::pair<int, std::size_t> frame() {
    const auto first = number(1);
    std::size_t size = number(1);
    if (size == 126) size = number(2);
    if (size == 127) size = number(8);
    need(size);
    return {static_cast<int>(first & 15), size};
  }

  stream stream_;
  std::string session_ = make_uuid();
};

}  // namespace

struct http_client::state {
  stream connection;
  std::string head;
};

http_client::http_client(const std::string& url) : state_(new state{stream(url), {}}) {
  const stream& s = state_->connection;
  state_->head = "GET " + s.path + " HTTP/1.1\r\nHost: " + s.authority + "\r\n\r\n";
}

http_client::~http_client() = default;

void http_client::get() {
  stream& s = state_->connection;
  s.write(state_->head);
  s.buffer.clear();
  s.at = 0;
  std::size_t end = std::string::npos, length = 0;
  while (end == std::string::npos || s.buffer.size() < end + 4 + length) {
    s.more(64 << 10);
    end = s.buffer.find("\r\n\r\n");
    const auto field = s.buffer.find("Content-Length: ");
    if (field < end) length = std::stoul(s.buffer.substr(field + 16, 20));
  }
  if (s.buffer.find(" 200 ") != 8) throw std::runtime_error(s.buffer);
}

std::string client::execute(const std::string& code) {
  return request("execute_request",
                 R"({"silent": false, "store_history": true, "allow_stdin": false, "code": )" +
                     json_quote(code) + "}");
}

std::unique_ptr<client> connect(const std::string& target) {
  if (target.starts_with("ws://")) return std::make_unique<ws_client>(target);
  std::ifstream file(target);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto where = parse_connection_file(text);
  if (!where) throw std::runtime_error(where.error().detail);
  return std::make_unique<zmq_client>(*where);
}

}  // namespace kmux::bench
