// The common kind of JPEG file (ITU-T T.81): sequential, Huffman codes, 8 bits, one scan of grey or of YCbCr with
// chroma at half of either size or at full size.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "data/image/image_reader.h"
#include "data/image/jpeg_huffman.h"

namespace skein {

struct JpegComponent {
  int id = 0, across = 1, down = 1;  // sampling factors
  int quant = 0, dc = 0, ac = 0;     // numbers of tables
};

struct JpegHeader {
  ImageSize size;
  int components = 0;  // 1 or 3
  JpegComponent component[3];
  std::array<std::optional<std::array<uint16_t, 64>>, 4> quant;  // in row order
  std::array<std::optional<HuffmanCode>, 4> dc, ac;
  int64_t restart_interval = 0;  // in MCUs; 0: none
  FileBytes data;                // all that follows the header of the scan
};

// Nothing: another kind of file, or one that departs from the standard in any way.
std::optional<JpegHeader> read_jpeg_header(FileBytes file);

// The data of a scan without stuffed zeros, and the parts into which restart markers divide them.
struct JpegScan {
  std::vector<uint8_t> bytes;  // JpegBits::kPadding more than the parts have
  std::vector<size_t> ends;    // of each part in `bytes`

  // False: it does not end with the end of the image, or restart markers are out of order.
  bool read(FileBytes data);
};

}  // namespace skein
