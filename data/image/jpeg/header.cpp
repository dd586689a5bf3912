#include "data/image/jpeg/header.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "data/image/jpeg/markers.h"

namespace skein {
namespace {

constexpr int64_t kMaxSide = 65500;  // largest width and height, as in libjpeg

int64_t word(FileBytes b, size_t at) { return b[at] << 8 | b[at + 1]; }

// DQT segment (T.81, B.2.4.1).
bool read_quant(FileBytes body, JpegHeader& h) {
  while (!body.empty()) {
    const bool wide = body[0] >> 4 == 1;
    const size_t bytes = wide ? 128 : 64, table = body[0] & 15;
    if (body[0] >> 4 > 1 || table > 3 || body.size() < 1 + bytes) return false;
    auto& to = h.quant[table].emplace();
    for (size_t k = 0; k < 64; ++k) to[kJpegNatural[k]] = uint16_t(wide ? word(body, 1 + 2 * k) : body[1 + k]);
    body = body.subspan(1 + bytes);
  }
  return true;
}

// DHT segment: Huffman tables (T.81, B.2.4.2).
bool read_huffman(FileBytes body, JpegHeader& h) {
  constexpr size_t kCounts = 17;
  while (!body.empty()) {
    const size_t table = body[0] & 15;
    if (body[0] >> 4 > 1 || table > 3 || body.size() < kCounts) return false;
    const size_t symbols = std::accumulate(body.begin() + 1, body.begin() + kCounts, size_t{0});
    if (symbols > 256 || body.size() < kCounts + symbols) return false;
    auto& to = (body[0] >> 4 == 0 ? h.dc : h.ac)[table].emplace();
    std::copy_n(body.begin() + 1, 16, to.counts);
    std::copy_n(body.begin() + kCounts, symbols, to.symbols);
    body = body.subspan(kCounts + symbols);
  }
  return true;
}

// SOF segment: size and components (T.81, B.2.2).
bool read_frame(FileBytes body, JpegHeader& h) {
  if (h.components != 0 || body.size() < 6 || body[0] != 8) return false;
  h.size = {word(body, 3), word(body, 1)};
  h.components = body[5];
  if (h.size.width < 1 || h.size.height < 1 || h.size.width > kMaxSide || h.size.height > kMaxSide) return false;
  if ((h.components != 1 && h.components != 3) || body.size() != 6 + 3 * size_t(h.components)) return false;
  for (int c = 0; c < h.components; ++c) {
    const FileBytes part = body.subspan(6 + 3 * size_t(c));
    h.component[c] = {.id = part[0], .across = part[1] >> 4, .down = part[1] & 15, .quant = part[2]};
    const auto& [id, across, down, quant, dc, ac] = h.component[c];
    // Components 1, 2, 3 are YCbCr by all rules of libjpeg, unless Adobe's marker says otherwise.
    if (quant > 3 || (h.components == 3 && id != c + 1)) return false;
    const int max_factor = h.components == 3 && c == 0 ? 2 : 1;
    if (across < 1 || across > max_factor || down < 1 || down > max_factor) return false;
  }
  return true;
}

// SOS segment: tables of each component (T.81, B.2.3).
bool read_scan(FileBytes body, JpegHeader& h) {
  const auto n = size_t(h.components);
  if (n == 0 || body.size() != 4 + 2 * n || body[0] != n) return false;
  for (size_t c = 0; c < n; ++c) {
    JpegComponent& component = h.component[c];
    if (body[1 + 2 * c] != component.id) return false;
    component.dc = body[2 + 2 * c] >> 4;
    component.ac = body[2 + 2 * c] & 15;
    if (component.dc > 3 || component.ac > 3) return false;
    if (!h.quant[size_t(component.quant)] || !h.dc[size_t(component.dc)] || !h.ac[size_t(component.ac)]) return false;
  }
  return body[1 + 2 * n] == 0 && body[2 + 2 * n] == 63 &&
         body[3 + 2 * n] == 0;  // all coefficients in one scan: not progressive
}

// APP14 segment of Adobe: the last byte is the colour transform; 1: YCbCr.
bool is_other_colour(FileBytes body) {
  return body.size() >= 12 && std::memcmp(body.data(), "Adobe", 5) == 0 && body[11] != 1;
}

bool read_segment(uint8_t marker, FileBytes body, JpegHeader& h) {
  switch (marker) {
    case kBaseline:
    case kExtended:
      return read_frame(body, h);
    case kHuffmanTables:
      return read_huffman(body, h);
    case kQuantTables:
      return read_quant(body, h);
    case kRestartInterval:
      if (body.size() != 2) return false;
      h.restart_interval = word(body, 0);
      return true;
    case kStartOfScan:
      return read_scan(body, h);
    case kApp14:
      return !is_other_colour(body);
    default:
      return marker == kComment || (marker >= kApp0 && marker <= kApp15);
  }
}

}  // namespace

std::optional<JpegHeader> read_jpeg_header(FileBytes file) {
  if (!is_jpeg(file)) return {};
  JpegHeader h;
  for (size_t at = 2; at + 4 <= file.size();) {
    if (file[at] != 0xff) return {};
    const uint8_t marker = file[at + 1];
    if (marker == 0xff) {  // padding
      ++at;
      continue;
    }
    const auto length = size_t(word(file, at + 2));
    if (length < 2 || length > file.size() - at - 2) return {};
    if (!read_segment(marker, file.subspan(at + 4, length - 2), h)) return {};
    at += 2 + length;
    if (marker != kStartOfScan) continue;
    h.data = file.subspan(at);
    return h;
  }
  return {};
}

bool JpegScan::read(FileBytes data) {
  bytes.resize(data.size() + JpegBits::kPadding);
  ends.clear();
  uint8_t* to = bytes.data();
  const uint8_t *from = data.data(), *const end = from + data.size();
  for (;;) {
    const auto* marker = static_cast<const uint8_t*>(std::memchr(from, 0xff, size_t(end - from)));
    if (!marker || end - marker < 2) return false;
    const size_t n = size_t(marker - from);
    std::memcpy(to, from, n);
    to += n;
    from = marker + 2;
    if (marker[1] == 0) {
      *to++ = 0xff;
      continue;
    }
    ends.push_back(size_t(to - bytes.data()));
    if (marker[1] == kEndOfImage) break;
    if (marker[1] != kRestart0 + (ends.size() - 1) % 8) return false;
  }
  std::memset(to, 0, JpegBits::kPadding);
  return true;
}

}  // namespace skein
