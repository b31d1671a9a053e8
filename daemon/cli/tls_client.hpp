#pragma once
// TLS to a kmuxd, where its URL is https.

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kmux::cli {

/// What one try to read or write came to.
struct transfer {
  std::size_t bytes = 0;
  bool ended = false;  ///< the other side has said that nothing follows
  short wait_for = 0;  ///< poll(2)'s events, after which to try again; 0: none
  std::string wrong;   ///< else why it has failed
};

/// Files in PEM; empty ones are not used.
struct tls_files {
  std::string ca;  ///< whom to trust instead of the system's
  std::string cert, key;
};

/// One session over a socket that does not block and outlives it. libssl is loaded when the first
/// is made: a kmux which talks to admin.sock starts without. TLS 1.2 and later; the certificate
/// must be the host's. One thread.
class tls_client {
public:
  /// nullptr, and why in `wrong`.
  static std::unique_ptr<tls_client> make(int fd, const std::string& host, const tls_files&,
                                          std::string& wrong);
  ~tls_client();
  tls_client(const tls_client&) = delete;
  tls_client& operator=(const tls_client&) = delete;

  /// Done where there is nothing to wait for, and nothing wrong.
  transfer handshake();
  transfer read(std::span<char> into);
  transfer write(std::string_view bytes);
  /// Some bytes are here already, and poll(2) would not tell.
  bool pending() const;

private:
  tls_client();
  transfer outcome_of(int returned);

  struct session;
  std::unique_ptr<session> session_;
};

}  // namespace kmux::cli
