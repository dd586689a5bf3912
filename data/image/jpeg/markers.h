// Scan of the segments of any JPEG file (ITU-T T.81, annex B): whether it is complete and safe for stb_image, and its
// orientation (EXIF 2.3, tag 0x0112). header.cpp is the parser that reads Huffman and quantisation tables.
#pragma once

#include "data/image/image_reader.h"

namespace skein {

// Second byte of a marker (T.81, table B.1).
enum JpegMarker : uint8_t {
  kBaseline = 0xc0,
  kExtended = 0xc1,
  kHuffmanTables = 0xc4,
  kRestart0 = 0xd0,
  kEndOfImage = 0xd9,
  kStartOfScan = 0xda,
  kQuantTables = 0xdb,
  kRestartInterval = 0xdd,
  kApp0 = 0xe0,
  kApp1 = 0xe1,   // EXIF
  kApp14 = 0xee,  // Adobe
  kApp15 = 0xef,
  kComment = 0xfe
};

struct JpegMarkers {
  bool complete = false;  // an end-of-image marker follows the image's data
  // Segments follow each other up to the first scan, and no Huffman table has more than 256 symbols. With more of them,
  // stb_image 2.27 writes past the end of its table.
  bool well_formed = false;
};

bool is_jpeg(FileBytes file);  // by its first bytes

// Reads every byte of the file. Fields that it cannot determine stay false.
JpegMarkers read_markers(FileBytes file);

// EXIF orientation, 1 .. 8; 1: upright, or not stated. Reads the segments before the first scan only.
int read_orientation(FileBytes file);

}  // namespace skein
