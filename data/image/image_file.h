// Image files on the disk: their bytes, and what is refused before a decoder sees them.
#pragma once

#include <string>
#include <vector>

#include "data/image/image_reader.h"

namespace skein {

// Reads the whole file to `bytes`, whose memory is used again. BadImage with the reason if it cannot be read, is not a
// regular file, or is larger than kMostFileBytes.
void read_image_file(const std::string& path, std::vector<uint8_t>& bytes);

// BadImage for a file of several frames: GIF, animated PNG (a chunk acTL before the image, APNG specification 1.0) and
// animated WebP (bit 1 of the flags of VP8X, WebP container specification). One of its frames would be a guess.
void refuse_animation(FileBytes file);

// BadImage unless the image has 1 to kMostPixels pixels. To be called with the size in the header, before memory is
// taken.
void check_size(ImageSize size);

}  // namespace skein
