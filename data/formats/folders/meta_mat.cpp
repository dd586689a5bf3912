#include "data/formats/folders/meta_mat.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "data/image/limits.h"

namespace skein {
namespace {

constexpr size_t kFileHeader = 128;
constexpr uint32_t kInt8 = 1, kUint8 = 2, kUint16 = 4, kInt32 = 5, kUint32 = 6, kDouble = 9, kMatrix = 14,
                   kCompressed = 15, kUtf8 = 16;  // types of elements
constexpr uint32_t kStruct = 2;                   // class of a matrix
constexpr int64_t kMostClasses = 100'000;

struct NotMetaMat {};

uint32_t number(std::string_view bytes, size_t at) {
  if (bytes.size() < at + 4) throw NotMetaMat();
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t(uint8_t(bytes[at + i])) << 8 * i;
  return value;
}

struct Element {
  uint32_t type = 0;
  std::string_view data;
};

// Takes the next element from the start of `rest`. Data of up to four bytes may stand within the tag.
Element take(std::string_view& rest) {
  const uint32_t first = number(rest, 0), second = number(rest, 4);
  const bool small = first >> 16 != 0;
  const size_t begin = small ? 4 : 8, bytes = small ? first >> 16 : second, room = small ? 4 : rest.size() - 8;
  if (bytes > room) throw NotMetaMat();
  const Element element{small ? first & 0xffff : first, rest.substr(begin, bytes)};
  const size_t padded = small ? 8 : begin + (element.type == kCompressed ? bytes : (bytes + 7) / 8 * 8);
  rest.remove_prefix(std::min(padded, rest.size()));
  return element;
}

std::string inflated(std::string_view bytes) {
  std::string text(size_t(kMostLabelBytes), '\0');
  auto size = uLongf(text.size());
  if (uncompress(reinterpret_cast<Bytef*>(text.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                 uLong(bytes.size())) != Z_OK)
    throw NotMetaMat();
  text.resize(size);
  return text;
}

// A matrix up to its values: class, number of values, and the elements that follow.
struct Matrix {
  uint32_t kind = 0;
  int64_t count = 1;
  std::string_view rest;
};

Matrix read_matrix(std::string_view data) {
  Matrix m;
  if (data.empty()) return m;
  m.kind = number(take(data).data, 0) & 0xff;
  const Element dims = take(data);
  if (dims.type != kInt32) throw NotMetaMat();
  for (size_t at = 0; at < dims.data.size(); at += 4) {
    m.count *= number(dims.data, at);
    if (m.count > kMostLabelBytes) throw NotMetaMat();
  }
  take(data);  // the name
  m.rest = data;
  return m;
}

std::string text_of(std::string_view matrix) {
  Matrix m = read_matrix(matrix);
  if (m.rest.empty()) return {};
  const Element e = take(m.rest);
  std::string text;
  if (e.type == kUint16)
    for (size_t i = 0; i + 1 < e.data.size(); i += 2) text += e.data[i];
  else if (e.type == kInt8 || e.type == kUint8 || e.type == kUtf8)
    text = e.data;
  return text;
}

// The first value of a matrix of numbers, in any type that MATLAB stores small whole numbers in; 0: there is none.
int64_t number_of(std::string_view matrix) {
  Matrix m = read_matrix(matrix);
  if (m.rest.empty()) return 0;
  const Element e = take(m.rest);
  if (e.type == kDouble && e.data.size() >= 8) {
    double value = 0;
    std::memcpy(&value, e.data.data(), sizeof value);
    return value >= 1 && value <= double(kMostClasses) ? int64_t(value) : 0;
  }
  const size_t bytes = e.type == kInt8 || e.type == kUint8 ? 1 : e.type == kInt32 || e.type == kUint32 ? 4 : 2;
  if (e.data.size() < bytes || e.type > kUint32) return 0;
  int64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= int64_t(uint8_t(e.data[i])) << 8 * i;
  return value;
}

std::vector<std::string> read_synsets(std::string_view matrix) {
  Matrix m = read_matrix(matrix);
  if (m.kind != kStruct) throw NotMetaMat();
  const size_t length = number(take(m.rest).data, 0);  // of each field's name, with zeros at the end
  const Element names = take(m.rest);
  if (length == 0 || length > names.data.size()) throw NotMetaMat();
  std::vector<std::string> classes;
  for (int64_t i = 0; i < m.count; ++i) {
    int64_t id = 0;
    std::string name;
    for (size_t at = 0; at + length <= names.data.size(); at += length) {
      const Element field = take(m.rest);
      if (field.type != kMatrix) throw NotMetaMat();
      const std::string_view key = names.data.substr(at, length);
      const std::string_view plain = key.substr(0, key.find('\0'));
      if (plain == "ILSVRC2012_ID") id = number_of(field.data);
      if (plain == "WNID") name = text_of(field.data);
    }
    if (id < 1 || id > kMostClasses || name.empty()) throw NotMetaMat();
    classes.resize(std::max(classes.size(), size_t(id)));
    classes[size_t(id) - 1] = name;
  }
  return classes;
}

}  // namespace

std::vector<std::string> read_meta_mat(const std::string& path, std::string_view bytes) {
  try {
    if (bytes.size() < kFileHeader || bytes.substr(126, 2) != "IM") throw NotMetaMat();
    bytes.remove_prefix(kFileHeader);
    Element element = take(bytes);
    std::string unpacked;
    if (element.type == kCompressed) {
      unpacked = inflated(element.data);
      std::string_view rest = unpacked;
      element = take(rest);
    }
    if (element.type != kMatrix) throw NotMetaMat();
    return read_synsets(element.data);
  } catch (const NotMetaMat&) {
    throw BadInput("{}: is not meta.mat of the development kit of ILSVRC2012. Copy it again", path);
  }
}

}  // namespace skein
