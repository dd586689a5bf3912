// Parser of the common kind of JPEG file (ITU-T T.81 | ISO/IEC 10918-1, annex B): sequential DCT, Huffman coding, 8
// bits per sample, one scan of grey or of YCbCr with chroma at half or full size in either direction.
//
//   read_jpeg_header()  segments: SOF (frame), DHT (Huffman tables), DQT (quantisation tables), DRI, SOS
//   JpegScan            entropy-coded data: removes stuffed zeros, splits at restart markers
//
// huffman.h decodes the data with the Huffman tables; markers.h scans segments for the other decoders.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "data/image/image_reader.h"
#include "data/image/jpeg/huffman.h"

namespace skein {

struct JpegComponent {
  int id = 0, across = 1, down = 1;  // sampling factors
  int quant = 0, dc = 0, ac = 0;     // table numbers, 0 .. 3
};

struct JpegHeader {
  ImageSize size;
  int components = 0;  // 1 or 3
  JpegComponent component[3];
  std::array<std::optional<std::array<uint16_t, 64>>, 4> quant;  // DQT, in row order
  std::array<std::optional<HuffmanCode>, 4> dc, ac;              // DHT
  int64_t restart_interval = 0;                                  // in MCUs; 0: none
  FileBytes data;                                                // all bytes after the header of the scan
};

// Empty if the file is of another kind or deviates from the standard in any way.
std::optional<JpegHeader> read_jpeg_header(FileBytes file);

// Entropy-coded data of a scan without stuffed zeros, divided into parts by restart markers.
struct JpegScan {
  std::vector<uint8_t> bytes;  // all parts, then JpegBits::kPadding zeros
  std::vector<size_t> ends;    // end of each part in `bytes`

  // False: there is no end-of-image marker, or restart markers are out of order.
  bool read(FileBytes data);
};

}  // namespace skein
