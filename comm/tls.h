// TLS 1.3 on the connections of a run (--tls), by OpenSSL: what travels is encrypted and authenticated. Both sides show
// a certificate that the run's authority has signed. Names in certificates are not compared: processes are found at
// addresses, and each also shows that it knows the run's secret, bound to the connection (comm/sockets/handshake.h).
//
// Errors: BadInput names the file. Threading: a context any, a session one thread at a time.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <string>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace skein {

struct TlsFiles {  // PEM
  std::string certificate = {}, key = {}, authority = {};
  bool given() const { return !certificate.empty(); }
};
TlsFiles parse_tls(const std::string& text);  // "cert=FILE,key=FILE,ca=FILE", or "none". BadInput says the form

class TlsContext {
 public:
  // BadInput where a file cannot be used, or the certificate is not one that the authority has signed, for now.
  explicit TlsContext(const TlsFiles& files);
  SSL_CTX* get() const { return context_.get(); }

 private:
  void use(const TlsFiles& files) const;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
};

// One connection, over a TCP socket that does not block and outlives it.
class TlsSession {
 public:
  enum class Side : uint8_t { guest, host };  // the one that has connected; the one that has accepted
  TlsSession(const TlsContext& context, int fd, Side side);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // One step of the guest's handshake; the host's is made by receive().
  enum class Step : uint8_t { done, wants_input, failed };
  Step shake_hands();

  // As recv() and sendmsg(): the number of bytes, 0 at the end, -1 with errno, which is EAGAIN where there is nothing
  // to do now. A short message is one record, so that a peek finds it whole. What send() has taken may wait here until
  // the next call of any of the three.
  ssize_t receive(void* to, size_t bytes, bool peek = false);
  ssize_t send(const iovec* parts, int count);
  bool flush();  // false: not all of it is on its way; errno says why
  bool has_unsent() const { return unsent_ > 0; }

  // Of the two ends of this connection and of no other (RFC 9266); empty before the handshake is done.
  std::string channel_binding() const;
  const std::string& failure() const { return failure_; }  // why the connection cannot be used; empty: it can
  bool met_other_bytes() const { return other_bytes_; }    // it failed since the other end does not speak TLS

 private:
  ssize_t result_of(int returned, int error);

  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  const int fd_;
  std::string plain_;             // of send(): the parts of a short message behind each other
  size_t sent_ = 0, unsent_ = 0;  // bytes of the records that OpenSSL has made and keeps
  size_t by_key_ = 0;             // bytes that send() has encrypted with the present key
  std::string failure_;
  bool other_bytes_ = false;
};

}  // namespace skein
