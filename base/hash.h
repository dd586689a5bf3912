// FNV-1a with 64 bits (Fowler, Noll, Vo; http://www.isthe.com/chongo/tech/comp/fnv): tells files and data apart that
// were exchanged by mistake. Not for security.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skein {

class Hash {
 public:
  void add(const void* data, size_t bytes) {
    const auto* p = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < bytes; ++i) value_ = (value_ ^ p[i]) * 0x100000001b3u;
  }
  // Mixes eight bytes at once, for long data; the value differs from add()'s.
  void add_word(uint64_t word) {
    value_ = (value_ ^ word) * 0x9e3779b97f4a7c15u;
    value_ ^= value_ >> 32;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

}  // namespace skein
