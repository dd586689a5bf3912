// Writer of Protocol Buffers messages: the wire format alone (https://protobuf.dev/programming-guides/encoding), no
// schema and no reader. A message is its fields, one after another. A field is a tag, 8 * number + wire type, and a
// value:
//   0  varint   7 bits per byte, lowest first, the top bit set in all bytes but the last: int32, int64, enum, bool.
//               A negative number is its two's complement of 64 bits, 10 bytes long
//   1  fixed64  8 bytes, little endian: double
//   2  bytes    their number as a varint, then the bytes: text, bytes, a nested message, packed numbers
//   5  fixed32  4 bytes, little endian: float
// Every call writes its field, zero and empty ones too. A field that is repeated is written once per element.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace skein {

class ProtobufWriter {
 public:
  void integer(int field, int64_t value);  // varint
  void real(int field, float value);       // fixed32
  void real(int field, double value);      // fixed64
  void text(int field, std::string_view value);
  void packed(int field, std::span<const int64_t> values);  // varints
  void packed(int field, std::span<const float> values);
  void packed(int field, std::span<const double> values);

  // A nested message, whose fields body() writes to this writer:
  //   out.message(1, [&] { out.text(1, tag); out.real(2, value); });
  template <class Body>
  void message(int field, Body&& body) {
    const size_t begin = begin_message(field);
    body();
    end_message(begin);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  enum WireType : uint8_t { varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5 };
  void tag(int field, WireType type);
  void append_varint(uint64_t value);
  void append(const void* data, size_t bytes);
  size_t begin_message(int field);
  void end_message(size_t begin);  // inserts the length before the bytes written since begin_message()

  std::string bytes_;
};

}  // namespace skein
