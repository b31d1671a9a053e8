#pragma once
// TLS by OpenSSL 3, apart from any socket.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/error.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace kmux::daemon {

struct tls_settings {
  std::string certificate, key;  ///< PEM files: the chain from the server's certificate on, its key
  std::string client_ca;         ///< PEM file; empty: clients show no certificates
  bool client_required = false;  ///< they must, and are not known by it (JupyterHub's internal_ssl)
  bool operator==(const tls_settings&) const = default;
};

/// One connection's TLS, as a machine that bytes go into and come out of: server side, from version
/// 1.2 on, HTTP/1.1 by ALPN. Owned by its peer_stream; loop thread only.
class tls_session {
public:
  explicit tls_session(ssl_ctx_st* context);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  /// What the peer has sent.
  void received(std::string_view bytes);

  enum class outcome { some, more_wanted, closed, failed };
  /// Plain text that has arrived: up to `size` bytes of it into `into`, `got` of them.
  outcome read(char* into, std::size_t size, std::size_t& got);
  /// Whether the handshake is over, and so write() possible.
  bool established() const;
  /// All of it; the result is in output().
  void write(std::string_view plain);
  /// close_notify (RFC 8446, section 6.1).
  void end();
  /// What is to be sent to the peer, once.
  std::string output();

  /// The common name in the client's verified certificate, else empty.
  std::string client_name() const;
  /// The peer speaks HTTP without TLS.
  bool was_http() const noexcept { return was_http_; }

private:
  ssl_st* ssl_;
  bool was_http_ = false;
};

/// Certificate and key. Sessions keep what they were made with when there is a newer one.
class tls_context {
public:
  /// The error names the file, and what is wrong with it.
  static result<std::shared_ptr<tls_context>> load(const tls_settings&);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  std::unique_ptr<tls_session> new_session() const;
  /// Days until the certificate is no longer valid; negative when it is past.
  int days_left() const;

private:
  explicit tls_context(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

}  // namespace kmux::daemon
