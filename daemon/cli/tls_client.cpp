#include "daemon/cli/tls_client.hpp"

#include <csignal>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <poll.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace kmux::cli {

namespace {

// What is used of libssl and libcrypto.
// clang-format off
#define KMUX_FUNCTIONS(use) \
  use(TLS_client_method) use(SSL_CTX_new) use(SSL_CTX_free) use(SSL_CTX_ctrl) \
  use(SSL_CTX_set_verify) use(SSL_CTX_set_default_verify_paths) use(SSL_CTX_load_verify_file) \
  use(SSL_CTX_use_certificate_chain_file) use(SSL_CTX_use_PrivateKey_file) use(SSL_new) \
  use(SSL_free) use(SSL_set_fd) use(SSL_ctrl) use(SSL_set1_host) use(SSL_get0_param) \
  use(X509_VERIFY_PARAM_set1_ip_asc) use(SSL_connect) use(SSL_read) use(SSL_write) \
  use(SSL_pending) use(SSL_get_error) use(SSL_get_verify_result) \
  use(X509_verify_cert_error_string) use(ERR_get_error) use(ERR_clear_error) \
  use(ERR_reason_error_string)
// clang-format on

struct library {
#define KMUX_MEMBER(name) decltype(&::name) name = nullptr;
  KMUX_FUNCTIONS(KMUX_MEMBER)
#undef KMUX_MEMBER
  std::string wrong;  ///< empty: all of it is there
};

template <class Function>
void find(library& into, void* from, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(from, name));
  if (function == nullptr && into.wrong.empty())
    into.wrong = std::string("libssl.so.3 lacks ") + name;
}

library load() {
  library out;
  // Stays for as long as the program runs. dlsym(3) also looks into libcrypto, which it needs.
  void* const from = ::dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
  if (from == nullptr) {
    out.wrong = "https needs OpenSSL 3 (Debian: libssl3), which is not there";
    return out;
  }
#define KMUX_FIND(name) find(out, from, #name, out.name);
  KMUX_FUNCTIONS(KMUX_FIND)
#undef KMUX_FIND
  return out;
}

const library& openssl() {
  static const library loaded = load();
  return loaded;
}

std::string reason() {
  const char* const text = openssl().ERR_reason_error_string(openssl().ERR_get_error());
  return text == nullptr ? "the connection broke" : text;
}

/// OpenSSL writes with write(2), which raises SIGPIPE where the other side has gone. It is of no
/// concern to the rest of the program, which wants one of its own stdout.
class without_sigpipe {
public:
  without_sigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~without_sigpipe() {
    const timespec at_once{};
    while (sigtimedwait(&pipe_, nullptr, &at_once) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  without_sigpipe(const without_sigpipe&) = delete;
  without_sigpipe& operator=(const without_sigpipe&) = delete;

private:
  sigset_t pipe_{}, before_{};
};

/// What is wrong; empty: nothing.
std::string configure(SSL_CTX* context, const tls_files& files) {
  const auto& ssl = openssl();
  ssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, nullptr);
  ssl.SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (files.ca.empty()) {
    ssl.SSL_CTX_set_default_verify_paths(context);
  } else if (ssl.SSL_CTX_load_verify_file(context, files.ca.c_str()) != 1) {
    return files.ca + ": " + reason();
  }
  if (files.cert.empty()) return {};
  if (ssl.SSL_CTX_use_certificate_chain_file(context, files.cert.c_str()) != 1) {
    return files.cert + ": " + reason();
  }
  const auto& key = files.key.empty() ? files.cert : files.key;
  if (ssl.SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return key + ": " + reason();
  }
  return {};
}

/// The certificate must be of this host, a name or an address.
void expect(SSL* session, const std::string& host) {
  const auto& ssl = openssl();
  if (ssl.X509_VERIFY_PARAM_set1_ip_asc(ssl.SSL_get0_param(session), host.c_str()) == 1) return;
  ssl.SSL_set1_host(session, host.c_str());
  ssl.SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(host.c_str()));
}

}  // namespace

struct tls_client::session {
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  ~session() {
    if (ssl != nullptr) openssl().SSL_free(ssl);
    if (context != nullptr) openssl().SSL_CTX_free(context);
  }
};

tls_client::tls_client() : session_(std::make_unique<session>()) {
}

tls_client::~tls_client() = default;

std::unique_ptr<tls_client> tls_client::make(int fd, const std::string& host,
                                             const tls_files& files, std::string& wrong) {
  const auto& ssl = openssl();
  wrong = ssl.wrong;
  if (!wrong.empty()) return nullptr;
  std::unique_ptr<tls_client> out(new tls_client);
  out->session_->context = ssl.SSL_CTX_new(ssl.TLS_client_method());
  if (out->session_->context != nullptr) wrong = configure(out->session_->context, files);
  if (!wrong.empty()) return nullptr;
  out->session_->ssl = ssl.SSL_new(out->session_->context);
  if (out->session_->ssl == nullptr || ssl.SSL_set_fd(out->session_->ssl, fd) != 1) {
    wrong = reason();
    return nullptr;
  }
  // What could not be sent at once may be somewhere else when it is tried again.
  ssl.SSL_ctrl(out->session_->ssl, SSL_CTRL_MODE,
               SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, nullptr);
  expect(out->session_->ssl, host);
  return out;
}

transfer tls_client::outcome_of(int returned) {
  transfer out;
  if (returned > 0) {
    out.bytes = static_cast<std::size_t>(returned);
    return out;
  }
  const auto& ssl = openssl();
  switch (ssl.SSL_get_error(session_->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
      out.wait_for = POLLIN;
      break;
    case SSL_ERROR_WANT_WRITE:
      out.wait_for = POLLOUT;
      break;
    case SSL_ERROR_ZERO_RETURN:
      out.ended = true;
      break;
    case SSL_ERROR_SYSCALL:
      out.wrong = errno == 0 ? "the connection broke" : std::strerror(errno);
      break;
    default: {
      const long verified = ssl.SSL_get_verify_result(session_->ssl);
      out.wrong = verified == X509_V_OK ? reason()
                                        : std::string("its certificate is not to be trusted: ") +
                                              ssl.X509_verify_cert_error_string(verified) +
                                              ". --tls-ca FILE names whose word is good";
    }
  }
  return out;
}

transfer tls_client::handshake() {
  const without_sigpipe quiet;
  openssl().ERR_clear_error();
  errno = 0;
  return outcome_of(openssl().SSL_connect(session_->ssl));
}

transfer tls_client::read(std::span<char> into) {
  const without_sigpipe quiet;
  openssl().ERR_clear_error();
  errno = 0;
  return outcome_of(openssl().SSL_read(session_->ssl, into.data(), static_cast<int>(into.size())));
}

transfer tls_client::write(std::string_view bytes) {
  const without_sigpipe quiet;
  openssl().ERR_clear_error();
  errno = 0;
  constexpr std::size_t most = 1 << 20;
  return outcome_of(openssl().SSL_write(session_->ssl, bytes.data(),
                                        static_cast<int>(std::min(bytes.size(), most))));
}

bool tls_client::pending() const {
  return openssl().SSL_pending(session_->ssl) > 0;
}

}  // namespace kmux::cli
