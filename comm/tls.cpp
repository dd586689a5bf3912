#include "comm/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "base/settings.h"

namespace skein {
namespace {

constexpr size_t kRecord = 16 << 10, kPart = 4 * kRecord;  // bytes of a record; that are encrypted at a time
constexpr int kBindingBytes = 32;
constexpr size_t kBytesOfKey = size_t(64) << 30;  // AES-GCM's limit is 2^24.5 records, 390 GB (RFC 8446, section 5.5)

// The reason of this thread's last error of OpenSSL, which is then forgotten.
std::string openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* const text = ERR_reason_error_string(error);
  return text ? text : "of no known reason";
}

void check_readable(const std::string& name, const std::string& path) {
  struct stat s {};
  if (stat(path.c_str(), &s) != 0)
    throw BadInput("--tls: {}={}: cannot be read: {}. Check the path", name, path, std::strerror(errno));
  if (!S_ISREG(s.st_mode)) throw BadInput("--tls: {}={}: it is not a file. Give a PEM file", name, path);
  if (access(path.c_str(), R_OK) != 0)
    throw BadInput("--tls: {}={}: cannot be read: {}. Change its rights", name, path, std::strerror(errno));
}

// Nobody is asked on the terminal.
int no_password(char*, int, int, void*) { return 0; }

// What is wrong with the context's own certificate, as other processes would see it. Empty: nothing.
std::string objection_to_own(SSL_CTX* context) {
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context, &chain);
  const std::unique_ptr<X509_STORE_CTX, void (*)(X509_STORE_CTX*)> check(X509_STORE_CTX_new(), X509_STORE_CTX_free);
  if (!check ||
      X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context), SSL_CTX_get0_certificate(context), chain) != 1)
    return openssl_reason();
  if (X509_verify_cert(check.get()) == 1) return {};
  ERR_clear_error();
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
}

}  // namespace

TlsFiles parse_tls(const std::string& text) {
  TlsFiles files;
  if (text == "none") return files;
  for (const Setting& s : parse_settings(text)) {
    std::string* const to = s.key == "cert"  ? &files.certificate
                            : s.key == "key" ? &files.key
                            : s.key == "ca"  ? &files.authority
                                             : nullptr;
    if (!to || !to->empty() || s.value.empty())
      throw BadInput("--tls {}: '{}' is not right. Give cert=FILE,key=FILE,ca=FILE, of PEM files", text, s.text());
    *to = s.value;
  }
  if (files.certificate.empty() || files.key.empty() || files.authority.empty())
    throw BadInput(
        "--tls {}: it takes three files. Give cert=FILE,key=FILE,ca=FILE: this process's certificate, its private key, "
        "and the certificate of the authority that has signed those of all processes",
        text);
  return files;
}

TlsContext::TlsContext(const TlsFiles& files) : context_(SSL_CTX_new(TLS_method()), SSL_CTX_free) {
  CHECK(context_, "OpenSSL: {}", openssl_reason());
  SSL_CTX* const c = context_.get();
  SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256");  // the fastest first
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_purpose(c, X509_PURPOSE_ANY);  // one certificate serves as guest and as host
  SSL_CTX_set_num_tickets(c, 0);             // no connection is resumed
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_default_passwd_cb(c, no_password);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
  SSL_CTX_set_options(c, SSL_OP_IGNORE_UNEXPECTED_EOF);  // messages carry their lengths: an end is found there
#endif
  use(files);
}

void TlsContext::use(const TlsFiles& files) const {
  SSL_CTX* const c = context_.get();
  check_readable("cert", files.certificate);
  check_readable("key", files.key);
  check_readable("ca", files.authority);
  if (SSL_CTX_use_certificate_chain_file(c, files.certificate.c_str()) != 1)
    throw BadInput(
        "--tls: cert={}: it holds no certificate ({}). Give the certificate as PEM; it may be exchanged with the key",
        files.certificate, openssl_reason());
  if (SSL_CTX_use_PrivateKey_file(c, files.key.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(c) != 1)
    throw BadInput(
        "--tls: key={}: it is not the private key of {} ({}). Give the key that the certificate was made with, as PEM "
        "and without a password",
        files.key, files.certificate, openssl_reason());
  if (SSL_CTX_load_verify_locations(c, files.authority.c_str(), nullptr) != 1)
    throw BadInput("--tls: ca={}: it holds no certificate ({}). Give the authority's certificate as PEM",
                   files.authority, openssl_reason());
  const std::string why = objection_to_own(c);
  if (!why.empty())
    throw BadInput(
        "--tls: other processes would not believe the certificate {}: {}. Give one that the authority {} has signed, "
        "and that is valid now",
        files.certificate, why, files.authority);
}

TlsSession::TlsSession(const TlsContext& context, int fd, Side side) : ssl_(SSL_new(context.get()), SSL_free), fd_(fd) {
  CHECK(ssl_, "OpenSSL: {}", openssl_reason());
  SSL_set_bio(ssl_.get(), BIO_new_socket(fd, BIO_NOCLOSE), BIO_new(BIO_s_mem()));
  side == Side::guest ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
}

// error: errno of the call that has returned `returned`.
ssize_t TlsSession::result_of(int returned, int error) {
  const int kind = SSL_get_error(ssl_.get(), returned);
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return errno = EAGAIN, -1;
  if (kind == SSL_ERROR_ZERO_RETURN || (kind == SSL_ERROR_SYSCALL && error == 0)) return 0;
  if (kind == SSL_ERROR_SYSCALL) return errno = error, -1;
  const long verified = SSL_get_verify_result(ssl_.get());
  other_bytes_ = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_WRONG_VERSION_NUMBER;
  failure_ = openssl_reason();
  if (verified != X509_V_OK) failure_ += std::string(": ") + X509_verify_cert_error_string(verified);
  return errno = EPROTO, -1;
}

TlsSession::Step TlsSession::shake_hands() {
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_do_handshake(ssl_.get()), error = errno;
  if (!flush() && errno != EAGAIN) return Step::failed;
  if (returned == 1) return Step::done;
  return result_of(returned, error) < 0 && errno == EAGAIN ? Step::wants_input : Step::failed;
}

ssize_t TlsSession::receive(void* to, size_t bytes, bool peek) {
  ERR_clear_error();
  errno = 0;
  const int most = int(std::min<size_t>(bytes, INT_MAX));
  const int returned = (peek ? SSL_peek : SSL_read)(ssl_.get(), to, most), error = errno;
  const ssize_t result = returned > 0 ? returned : result_of(returned, error);
  const int why = errno;
  flush();  // what the protocol itself answers
  errno = why;
  return result;
}

ssize_t TlsSession::send(const iovec* parts, int count) {
  if (!flush()) return -1;
  while (count > 1 && parts->iov_len == 0) ++parts, --count;
  const void* from = parts->iov_base;
  size_t bytes = std::min(parts->iov_len, kPart);
  if (count > 1) {
    plain_.clear();
    for (int i = 0; i < count; ++i)
      plain_.append(static_cast<const char*>(parts[i].iov_base), std::min(parts[i].iov_len, kRecord - plain_.size()));
    from = plain_.data(), bytes = plain_.size();
  }
  ERR_clear_error();
  errno = 0;
  if (by_key_ >= kBytesOfKey && SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1) by_key_ = 0;
  const int returned = SSL_write(ssl_.get(), from, int(bytes)), error = errno;
  if (returned <= 0) return result_of(returned, error) == 0 ? (errno = EPIPE, -1) : -1;
  flush();  // the rest waits; an error comes again with the next call
  by_key_ += size_t(returned);
  return returned;
}

bool TlsSession::flush() {
  BIO* const made = SSL_get_wbio(ssl_.get());
  const char* records = nullptr;
  unsent_ = size_t(BIO_get_mem_data(made, &records)) - sent_;
  while (unsent_ > 0) {
    const ssize_t n = ::send(fd_, records + sent_, unsent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    sent_ += size_t(n);
    unsent_ -= size_t(n);
  }
  if (sent_ > 0) BIO_reset(made);
  sent_ = 0;
  return true;
}

std::string TlsSession::channel_binding() const {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  if (!SSL_is_init_finished(ssl_.get())) return {};
  std::string binding(kBindingBytes, '\0');
  const int made = SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(binding.data()),
                                              binding.size(), kLabel.data(), kLabel.size(), nullptr, 0, 0);
  CHECK(made == 1, "OpenSSL: {}", openssl_reason());
  return binding;
}

}  // namespace skein
