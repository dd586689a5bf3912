// Interface of the decoders: an image file in memory, decoded row by row from the top. Each reads some types of files,
// told by their first bytes; of several, the first in this order that can decode the file does:
//   jpeg/reader.cpp  skein's own, for common JPEG files
//   jpeg/turbo.cpp   libjpeg-turbo, for all other JPEG files (jpeg/no_turbo.cpp if the library is absent)
//   png_reader.cpp   libspng, for PNG (no_png.cpp if the library is absent)
//   webp_reader.cpp  libwebp, for WebP (no_webp.cpp if the library is absent)
//   stb_reader.cpp   stb_image, for BMP and, where the libraries are absent, for all other JPEG and for PNG
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "data/image/limits.h"

namespace skein {

using FileBytes = std::span<const uint8_t>;

// The file cannot be decoded. what() is the reason, without the file's name.
class BadImage : public std::runtime_error {
 public:
  explicit BadImage(const std::string& reason, bool damaged = true) : std::runtime_error(reason), damaged(damaged) {}
  const bool damaged;  // false: another decoder may be able to decode the file
};

struct ImageSize {
  int64_t width = 0, height = 0;
};

struct PixelRange {
  int64_t begin = 0, end = 0;
};

class ImageReader {
 public:
  virtual ~ImageReader() = default;
  virtual bool reads(FileBytes file) const = 0;  // by its type
  // Reads the header and returns the size as stored. The bytes must not change until finish().
  virtual ImageSize open(FileBytes file) = 0;
  // Starts decoding at size / denominator, rounded up, with denominator 1, 2, 4 or 8 (1 unless can_scale()). Columns
  // and rows are those that will be read, in pixels of the scaled image. Returns the column of the first pixel that
  // row() gives, at most columns.begin.
  virtual int64_t start(int denominator, PixelRange columns, PixelRange rows) = 0;
  virtual const uint8_t* row() = 0;  // the next row, RGBX; valid until the next call
  virtual void finish() = 0;         // ends decoding, at any row
  virtual bool can_scale() const = 0;
  virtual bool grey() const = 0;  // the image that is open has one channel
  virtual const char* name() const = 0;
};

// Pixels have the same bits as libjpeg-turbo's. Every BadImage has damaged = false.
std::unique_ptr<ImageReader> make_jpeg_reader();
// Null, here and below, if the library is absent.
std::unique_ptr<ImageReader> make_jpeg_turbo_reader();
std::unique_ptr<ImageReader> make_png_reader();
std::unique_ptr<ImageReader> make_webp_reader();
std::unique_ptr<ImageReader> make_stb_reader();  // reads() all files, and says of what it cannot decode why

// By the first bytes (is_jpeg: data/image/jpeg/markers.h).
bool is_png(FileBytes file);
bool is_webp(FileBytes file);
bool is_bmp(FileBytes file);

struct JpegLayout {
  int across = 2, down = 2;  // chroma subsampling: columns and rows of luma per sample of chroma
  bool grey = false;
  int restart_interval = 0;  // in MCUs; 0: no restart markers
};

// Encodes RGB pixels (h,w,3) as a JPEG file; quality 1 .. 100. Without libjpeg-turbo, the layout is ignored. RunFailed
// if encoding fails.
std::string encode_jpeg(const uint8_t* rgb, ImageSize size, int quality, const JpegLayout& layout = {});
// Encodes pixels (h,w,channels), 1 or 3 channels of 8 bits, as a PNG file. Empty without libspng. RunFailed if encoding
// fails.
std::string encode_png(const uint8_t* pixels, ImageSize size, int channels);
const char* jpeg_library();  // name and version, for reports

}  // namespace skein
