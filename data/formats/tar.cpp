#include "data/formats/tar.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/check.h"

namespace skein {
namespace {

constexpr int64_t kBlock = 512, kLongestText = 1 << 16;

int64_t padded(int64_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

// Octal digits, or binary if the first bit is set (GNU). -1: neither.
int64_t parse_number(const char* field, size_t length) {
  int64_t value = 0;
  if (field[0] & 0x80) {
    for (size_t i = 1; i < length; ++i) {
      if (value >> 55) return -1;
      value = value << 8 | uint8_t(field[i]);
    }
    return value;
  }
  size_t i = 0;
  while (i < length && field[i] == ' ') ++i;
  for (; i < length && field[i] != ' ' && field[i] != '\0'; ++i) {
    if (field[i] < '0' || field[i] > '7') return -1;
    value = value << 3 | (field[i] - '0');
  }
  return value;
}

std::string text_of(const char* field, size_t length) { return {field, strnlen(field, length)}; }

// The value of `path` in pax records "LENGTH KEY=VALUE\n"; empty if there is none.
std::string pax_path(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    size_t length = 0, i = at;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9' && length < text.size(); ++i)
      length = 10 * length + size_t(text[i] - '0');
    if (length < i - at + 2 || length > text.size() - at) return {};
    const std::string record = text.substr(i + 1, length - (i - at) - 2);
    if (record.starts_with("path=")) return record.substr(5);
    at += length;
  }
  return {};
}

}  // namespace

TarReader::TarReader(const std::string& path) : path_(path), in_(path, std::ios::binary) {
  if (!in_) throw BadInput("{}: cannot be opened. Check the path and its permissions", path);
  std::error_code error;
  size_ = int64_t(std::filesystem::file_size(path, error));
  if (error) throw BadInput("{}: cannot be read ({})", path, error.message());
}

void TarReader::fail(const std::string& what) const {
  throw BadInput("{}: byte {}: {}. Copy or make the archive again", path_, position_, what);
}

void TarReader::skip(int64_t bytes) {
  if (bytes > size_ - position_) fail("the archive is cut short");
  position_ += bytes;
  in_.seekg(position_);
}

bool TarReader::read_header() {
  char block[kBlock];
  if (position_ == size_) return false;  // some writers omit the two empty blocks at the end
  if (size_ - position_ < kBlock || !in_.read(block, kBlock)) fail("the archive is cut short");
  if (std::all_of(block, block + kBlock, [](char c) { return c == 0; })) return false;
  int64_t sum = 0;
  for (int64_t i = 0; i < kBlock; ++i) sum += i >= 148 && i < 156 ? ' ' : uint8_t(block[i]);
  if (parse_number(block + 148, 8) != sum) fail("this is not the header of a file in a tar archive");
  position_ += kBlock;
  left_ = parse_number(block + 124, 12);
  if (left_ < 0 || left_ > size_ - position_) fail("a file of this size is not in the archive: it is cut short");
  type_ = block[156];
  header_name_ = text_of(block, 100);
  if (std::memcmp(block + 257, "ustar\0", 6) == 0 && block[345])
    header_name_ = text_of(block + 345, 155) + "/" + header_name_;
  return true;
}

std::string TarReader::read_text() {
  if (left_ > kLongestText) fail("a name of this length is not possible");
  std::string text(size_t(left_), '\0');
  if (!in_.read(text.data(), left_)) fail("the archive cannot be read");
  position_ += left_;
  skip(padded(left_) - left_);
  return text;
}

bool TarReader::next(int64_t most) {
  skip(std::min(padded(left_), size_ - position_));  // the current file, if it was not read
  std::string long_name;
  while (read_header()) {
    if (type_ == 'L') {
      long_name = read_text();
      long_name.resize(strnlen(long_name.data(), long_name.size()));
    } else if (type_ == 'x') {
      long_name = pax_path(read_text());
    } else if ((type_ == '0' || type_ == '\0') && left_ <= most) {
      name_ = long_name.empty() ? header_name_ : long_name;
      return true;
    } else {
      skip(std::min(padded(left_), size_ - position_));
      long_name.clear();
    }
  }
  left_ = 0;
  return false;
}

void TarReader::read(std::vector<uint8_t>& bytes) {
  bytes.resize(size_t(left_));
  if (!in_.read(reinterpret_cast<char*>(bytes.data()), left_)) fail("the archive cannot be read");
  const int64_t padding = padded(left_) - left_;
  position_ += left_;
  left_ = 0;
  skip(std::min(padding, size_ - position_));
}

}  // namespace skein
