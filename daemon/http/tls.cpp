#include "daemon/http/tls.hpp"

#include <array>
#include <cstring>
#include <stdexcept>

#include <climits>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace kmux::daemon {

namespace {

constexpr unsigned char http_1_1[] = "\x08http/1.1";
constexpr unsigned char id_context[] = "kmuxd";

/// OpenSSL's own words for what has just failed.
std::string reason() {
  const auto code = ERR_peek_last_error();
  const char* const text = ERR_reason_error_string(code);
  ERR_clear_error();
  return text != nullptr ? text : "it cannot be used";
}

error unusable(const std::string& file) {
  return {errc::io, "cannot use " + file + ": " + reason()};
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                    unsigned in_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, http_1_1, sizeof http_1_1 - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;  // a client that wants something else gets HTTP/1.1 all the same
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

result<std::shared_ptr<tls_context>> tls_context::load(const tls_settings& s) {
  SSL_CTX* const made = SSL_CTX_new(TLS_server_method());
  if (made == nullptr) throw std::bad_alloc();
  std::shared_ptr<tls_context> out(new tls_context(made));
  SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
  SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections, of which there are many, hold no buffers.
  SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(made, choose_protocol, nullptr);
  SSL_CTX_set_session_id_context(made, id_context, sizeof id_context - 1);
  if (SSL_CTX_use_certificate_chain_file(made, s.certificate.c_str()) != 1) {
    return unusable(s.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(made, s.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(made) != 1) {
    return unusable(s.key);
  }
  if (s.client_ca.empty()) return out;
  if (SSL_CTX_load_verify_locations(made, s.client_ca.c_str(), nullptr) != 1) {
    return unusable(s.client_ca);
  }
  SSL_CTX_set_client_CA_list(made, SSL_load_client_CA_file(s.client_ca.c_str()));
  SSL_CTX_set_verify(
      made, SSL_VERIFY_PEER | (s.client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return out;
}

tls_context::~tls_context() {
  SSL_CTX_free(context_);
}

std::unique_ptr<tls_session> tls_context::new_session() const {
  return std::make_unique<tls_session>(context_);
}

int tls_context::days_left() const {
  int days = 0, seconds = 0;
  const X509* const certificate = SSL_CTX_get0_certificate(context_);
  ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate));
  return seconds < 0 ? days - 1 : days;
}

tls_session::tls_session(ssl_ctx_st* context) : ssl_(SSL_new(context)) {
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  if (ssl_ == nullptr || in == nullptr || out == nullptr) throw std::bad_alloc();
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(ssl_, in, out);
  SSL_set_accept_state(ssl_);
}

tls_session::~tls_session() {
  SSL_free(ssl_);
}

void tls_session::received(std::string_view bytes) {
  BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
}

tls_session::outcome tls_session::read(char* into, std::size_t size, std::size_t& got) {
  ERR_clear_error();
  if (SSL_read_ex(ssl_, into, size, &got) == 1) return outcome::some;
  got = 0;
  switch (SSL_get_error(ssl_, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return outcome::more_wanted;
    case SSL_ERROR_ZERO_RETURN:
      return outcome::closed;
    default:
      was_http_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
      ERR_clear_error();
      return outcome::failed;
  }
}

bool tls_session::established() const {
  return SSL_is_init_finished(ssl_) == 1;
}

void tls_session::write(std::string_view plain) {
  // Into memory: it takes everything, unless the session has failed, which read() tells too.
  std::size_t written = 0;
  while (!plain.empty() && SSL_write_ex(ssl_, plain.data(), plain.size(), &written) == 1)
    plain.remove_prefix(written);
  ERR_clear_error();
}

void tls_session::end() {
  if (established()) SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::string tls_session::output() {
  char* data = nullptr;
  BIO* const out = SSL_get_wbio(ssl_);
  const long size = BIO_get_mem_data(out, &data);
  std::string bytes(data, size > 0 ? static_cast<std::size_t>(size) : 0);
  (void)BIO_reset(out);
  return bytes;
}

std::string tls_session::client_name() const {
  if (SSL_get_verify_result(ssl_) != X509_V_OK || SSL_get_verify_mode(ssl_) == SSL_VERIFY_NONE) {
    return "";
  }
  const X509* const shown = SSL_get0_peer_certificate(ssl_);
  if (shown == nullptr) return "";
  X509_NAME* const subject = X509_get_subject_name(shown);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return "";
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return "";
  std::string out(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return out;
}

}  // namespace kmux::daemon
