// What skein reads of a JPEG file by itself: where its parts are, and which way up it is (EXIF 2.3, tag 0x0112).
#pragma once

#include "data/image/image_reader.h"

namespace skein {

// T.81, table B.1.
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
  bool complete = false;  // there is an end marker after the image's data
  // The segments follow each other up to the first scan, and no Huffman table has more than the 256 symbols that it can
  // have: stb_image 2.27 writes more of them past the end of its own.
  bool well_formed = false;
};

bool is_jpeg(FileBytes file);  // by its first bytes

// Of any bytes; what cannot be made out stays as above. Looks at every byte.
JpegMarkers read_markers(FileBytes file);

// 1 to 8, as EXIF numbers them; 1: upright, or nothing is said. Looks at the segments before the image.
int read_orientation(FileBytes file);

}  // namespace skein
