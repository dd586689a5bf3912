#include "data/image/jpeg/markers.h"

#include <cstring>
#include <numeric>
#include <string_view>

namespace skein {
namespace {

// Orientation tag in the first directory of a TIFF header, in the byte order that the header states.
int tiff_orientation(FileBytes tiff) {
  if (tiff.size() < 8 || (tiff[0] != 'I' && tiff[0] != 'M') || tiff[1] != tiff[0]) return 1;
  const bool little = tiff[0] == 'I';
  const auto number = [&](size_t at, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value |= uint32_t(tiff[at + i]) << 8 * (little ? i : bytes - 1 - i);
    return value;
  };
  const size_t directory = number(4, 4);
  if (directory > tiff.size() - 2) return 1;
  const size_t entries = number(directory, 2);
  for (size_t i = 0, at = directory + 2; i < entries && at + 12 <= tiff.size(); ++i, at += 12)
    if (number(at, 2) == 0x0112) {
      const auto value = int(number(at + 8, 2));
      return value >= 1 && value <= 8 ? value : 1;
    }
  return 1;
}

// Checks the number of symbols of each table of a DHT segment.
bool huffman_tables_fit(FileBytes body) {
  constexpr size_t kHeader = 17;  // class and number of the table, then the number of codes of each length
  while (!body.empty()) {
    if (body.size() < kHeader) return false;
    const size_t symbols = std::accumulate(body.begin() + 1, body.begin() + kHeader, size_t{0});
    if (symbols > 256 || symbols > body.size() - kHeader) return false;
    body = body.subspan(kHeader + symbols);
  }
  return true;
}

// Checks everything that could be a DHT segment after the first scan: decoders differ in where they take a scan to end.
bool later_tables_fit(FileBytes data) {
  for (size_t i = 0; i + 4 <= data.size(); ++i) {
    const auto* found = static_cast<const uint8_t*>(std::memchr(&data[i], 0xff, data.size() - 3 - i));
    if (!found) break;
    i = size_t(found - data.data());
    if (data[i + 1] != kHuffmanTables) continue;
    const size_t length = size_t(data[i + 2]) << 8 | data[i + 3];
    if (length < 2 || length > data.size() - i - 2 || !huffman_tables_fit(data.subspan(i + 4, length - 2)))
      return false;
  }
  return true;
}

// Calls visit(marker, body) for every segment before the first scan. Returns the position of that scan's data; 0: the
// segments do not lead to a scan.
template <class Visit>
size_t for_each_segment(FileBytes file, Visit&& visit) {
  if (!is_jpeg(file)) return 0;
  for (size_t at = 2; at + 4 <= file.size();) {
    if (file[at] != 0xff) return 0;
    const uint8_t marker = file[at + 1];
    if (marker == 0xff) {  // padding
      ++at;
      continue;
    }
    const size_t length = size_t(file[at + 2]) << 8 | file[at + 3];
    if (length < 2 || length > file.size() - at - 2) return 0;
    if (marker == kStartOfScan) return at + 2 + length;
    visit(marker, file.subspan(at + 4, length - 2));
    at += 2 + length;
  }
  return 0;
}

bool has_end(FileBytes data) {
  for (size_t i = data.size(); i-- > 1;)
    if (data[i] == kEndOfImage && data[i - 1] == 0xff) return true;
  return false;
}

}  // namespace

bool is_jpeg(FileBytes file) { return file.size() >= 3 && file[0] == 0xff && file[1] == 0xd8 && file[2] == 0xff; }

JpegMarkers read_markers(FileBytes file) {
  JpegMarkers found;
  bool tables_fit = true;
  const size_t image = for_each_segment(file, [&](uint8_t marker, FileBytes body) {
    if (marker == kHuffmanTables) tables_fit = tables_fit && huffman_tables_fit(body);
  });
  if (image == 0) return found;
  found.complete = has_end(file.subspan(image));
  found.well_formed = tables_fit && later_tables_fit(file.subspan(image));
  return found;
}

int read_orientation(FileBytes file) {
  constexpr std::string_view kHeader("Exif\0\0", 6);
  int orientation = 1;
  for_each_segment(file, [&](uint8_t marker, FileBytes body) {
    if (marker == kApp1 && body.size() > kHeader.size() &&
        std::memcmp(body.data(), kHeader.data(), kHeader.size()) == 0)
      orientation = tiff_orientation(body.subspan(kHeader.size()));
  });
  return orientation;
}

}  // namespace skein
