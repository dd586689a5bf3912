#include "base/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace skein {

Digest hmac_sha256(std::string_view key, std::string_view text) {
  Digest digest{};
  unsigned int length = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  CHECK(HMAC(EVP_sha256(), key.data(), int(key.size()), bytes, text.size(), digest.data(), &length) &&
            length == digest.size(),
        "OpenSSL has no HMAC-SHA256");
  return digest;
}

bool equal_in_constant_time(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_random(void* to, size_t bytes) {
  if (RAND_bytes(static_cast<unsigned char*>(to), int(bytes)) != 1)
    throw RunFailed("OpenSSL gives no random numbers. See that /dev/urandom can be read");
}

}  // namespace skein
