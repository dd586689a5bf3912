#include "base/formats/protobuf.h"

#include <bit>

namespace skein {
namespace {

static_assert(std::endian::native == std::endian::little, "fixed32 and fixed64 are copied as they lie in memory");

std::string to_varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += char(uint8_t(value) | 0x80);
  return bytes += char(value);
}

}  // namespace

void ProtobufWriter::append_varint(uint64_t value) { bytes_ += to_varint(value); }
void ProtobufWriter::append(const void* data, size_t bytes) { bytes_.append(static_cast<const char*>(data), bytes); }
void ProtobufWriter::tag(int field, WireType type) { append_varint(uint64_t(field) << 3 | type); }

void ProtobufWriter::integer(int field, int64_t value) {
  tag(field, varint);
  append_varint(uint64_t(value));
}

void ProtobufWriter::real(int field, float value) {
  tag(field, fixed32);
  append(&value, sizeof value);
}

void ProtobufWriter::real(int field, double value) {
  tag(field, fixed64);
  append(&value, sizeof value);
}

void ProtobufWriter::text(int field, std::string_view value) {
  tag(field, length_delimited);
  append_varint(value.size());
  bytes_ += value;
}

void ProtobufWriter::packed(int field, std::span<const int64_t> values) {
  message(field, [&] {
    for (const int64_t value : values) append_varint(uint64_t(value));
  });
}

void ProtobufWriter::packed(int field, std::span<const float> values) {
  text(field, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

void ProtobufWriter::packed(int field, std::span<const double> values) {
  text(field, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
}

size_t ProtobufWriter::begin_message(int field) {
  tag(field, length_delimited);
  return bytes_.size();
}

void ProtobufWriter::end_message(size_t begin) { bytes_.insert(begin, to_varint(bytes_.size() - begin)); }

}  // namespace skein
