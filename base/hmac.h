// Keyed digests (HMAC-SHA256, RFC 2104) and random bytes for keys, both by OpenSSL. Safe to call from all threads.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace skein {

using Digest = std::array<unsigned char, 32>;

Digest hmac_sha256(std::string_view key, std::string_view text);
// The time it takes does not depend on where the two differ.
bool equal_in_constant_time(const Digest& a, const Digest& b);
// Bytes that cannot be guessed. RunFailed where the system gives none.
void fill_random(void* to, size_t bytes);

}  // namespace skein
