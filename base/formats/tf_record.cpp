#include "base/formats/tf_record.h"

#include <array>
#include <bit>
#include <cstring>

namespace skein {
namespace {

static_assert(std::endian::native == std::endian::little, "lengths and checksums are copied as they lie in memory");

constexpr size_t kHead = sizeof(uint64_t) + sizeof(uint32_t), kTail = sizeof(uint32_t);

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);  // the polynomial, bits reversed
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = make_table();

uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

template <class T>
std::string bytes_of(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <class T>
T read(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = crc >> 8 ^ kTable[(crc ^ uint8_t(byte)) & 0xff];
  return ~crc;
}

std::string tf_record(std::string_view data) {
  const std::string length = bytes_of(uint64_t(data.size()));
  return length + bytes_of(masked_crc(length)) + std::string(data) + bytes_of(masked_crc(data));
}

std::string_view take_tf_record(std::string_view& bytes) {
  if (bytes.size() < kHead + kTail) return {};
  const auto length = read<uint64_t>(bytes, 0);
  if (read<uint32_t>(bytes, sizeof length) != masked_crc(bytes.substr(0, sizeof length))) return {};
  if (length > bytes.size() - kHead - kTail) return {};
  const std::string_view data = bytes.substr(kHead, size_t(length));
  if (read<uint32_t>(bytes, kHead + data.size()) != masked_crc(data)) return {};
  bytes.remove_prefix(kHead + data.size() + kTail);
  return data;
}

}  // namespace skein
