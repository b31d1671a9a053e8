#pragma once
// A client of one kernel, as thin as can be, over ZeroMQ or over a gateway's WebSocket.

#include <memory>
#include <string>

#include "protocol/header.hpp"
#include "protocol/message.hpp"

namespace kmux::bench {

/// What a client has received; valid until the next receive().
struct received {
  channel from = channel::iopub;
  header head;
  header parent;
  std::string_view content;
};

class client {
public:
  virtual ~client() = default;
  /// Sends a request on shell; returns its msg_id.
  virtual std::string request(const std::string& msg_type, const std::string& content) = 0;
  std::string execute(const std::string& code);
  virtual void receive(received&) = 0;
  /// While it listens to nothing else: answers the gateway's ping, which is there to be read.
  virtual void answer_ping() {}
  virtual int descriptor() const { return -1; }
};

/// `target` is a connection file, or ws://HOST:PORT/…/channels?… (which carries its token).
std::unique_ptr<client> connect(const std::string& target);

/// GETs one URL again and again over one connection. Throws where the answer is not 200.
class http_client {
public:
  explicit http_client(const std::string& url);
  ~http_client();
  void get();

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace kmux::bench
