#include "base/terminal/printable.h"

#include <fmt/format.h>

#include <cstdint>

namespace skein {
namespace {

// Bytes of the UTF-8 character at the start of `s` (RFC 3629, section 4); 0 if there is none.
size_t character(std::string_view s) {
  const auto byte = [&](size_t i) { return i < s.size() ? uint8_t(s[i]) : uint8_t(0); };
  const uint8_t first = byte(0), second = byte(1);
  const auto tail = [&](size_t i) { return byte(i) >> 6 == 2; };
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool too_long = first == 0xe0 && second < 0xa0, surrogate = first == 0xed && second > 0x9f;
    return tail(1) && tail(2) && !too_long && !surrogate ? 3 : 0;
  }
  if (first < 0xf0 || first > 0xf4) return 0;
  const bool too_long = first == 0xf0 && second < 0x90, too_large = first == 0xf4 && second > 0x8f;
  return tail(1) && tail(2) && tail(3) && !too_long && !too_large ? 4 : 0;
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t n = character(bytes);
    const auto first = uint8_t(bytes[0]);
    if (n == 0 || first < 0x20 || first == 0x7f)
      text += fmt::format("\\x{:02x}", first);
    else
      text.append(bytes.substr(0, n));
    bytes.remove_prefix(n == 0 ? 1 : n);
  }
  return text;
}

std::string counted(int64_t n, std::string_view word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

}  // namespace skein
