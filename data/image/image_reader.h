// An image file in memory, decoded from the top row by row. Three implementations, each for what those before it leave:
// skein's own for the common kind of JPEG (jpeg_reader.cpp), libjpeg-turbo for JPEG (jpeg_turbo.cpp; no_jpeg_turbo.cpp
// where it is absent), stb_image for the rest.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

namespace skein {

using FileBytes = std::span<const uint8_t>;

// The file does not give the pixels that it promises; what() is the reason, without a name or place.
class BadImage : public std::runtime_error {
 public:
  explicit BadImage(const std::string& reason, bool damaged = true) : std::runtime_error(reason), damaged(damaged) {}
  const bool damaged;  // false: this decoder cannot decode it, another may
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
  // The size as stored, from the header. The bytes must stay until the image is finished.
  virtual ImageSize open(FileBytes file) = 0;
  // Columns and rows that are wanted, in pixels of the image scaled to ceil(size / denominator), which is 1, 2, 4 or 8
  // (1 where !can_scale()). Returns the column of the first pixel of the rows, at most columns.begin.
  virtual int64_t start(int denominator, PixelRange columns, PixelRange rows) = 0;
  virtual const uint8_t* row() = 0;  // the next of them, RGBX; until the next call
  virtual void finish() = 0;         // forgets the image, wherever it is
  virtual bool can_scale() const = 0;
  virtual bool grey() const = 0;  // the image that is open has one channel
  virtual const char* name() const = 0;
};

// More pixels than this are refused: a header costs nothing to forge.
constexpr int64_t kMostPixels = 100'000'000;

// Gives the pixels that libjpeg-turbo would, to the bit. Every BadImage has damaged = false.
std::unique_ptr<ImageReader> make_jpeg_reader();
std::unique_ptr<ImageReader> make_jpeg_turbo_reader();  // null where the library is absent
std::unique_ptr<ImageReader> make_stb_reader();

struct JpegLayout {
  int across = 2, down = 2;  // columns and rows of luma per one of chroma
  bool grey = false;
  int restart_interval = 0;  // in MCUs; 0: no restart markers
};

// RGB pixels (h,w,3) as a JPEG file; quality 1 to 100. Without libjpeg-turbo the layout is stb_image's.
std::string encode_jpeg(const uint8_t* rgb, ImageSize size, int quality, const JpegLayout& layout = {});
const char* jpeg_library();  // name and version, for reports

}  // namespace skein
