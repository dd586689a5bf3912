// Decoding of an image file (JPEG, PNG, WebP, BMP) to a crop of given size in one pass, without an image in between:
// each row is decoded, resampled along x, and added to the output rows that it contributes to.
//
// If the crop is at least 2, 4 or 8 times larger than the output, a JPEG is decoded at 1/2, 1/4 or 1/8 of its size by a
// smaller inverse DCT. Rows and columns outside the crop are not transformed. Grey images get three equal channels,
// CMYK is converted to RGB, alpha is dropped, and images that EXIF marks as rotated are turned upright.
#pragma once

#include "data/image/image_reader.h"
#include "data/image/resample.h"

namespace skein {

// The part of the upright image that becomes the output, in pixels.
struct Crop {
  Extent x, y;
  bool flip = false;  // mirror left and right
};

// Output values: (pixel / 255 - mean) / std per channel. The default gives bytes 0 .. 255 as floats.
struct PixelScale {
  float mean[3] = {0, 0, 0}, std[3] = {1.0f / 255, 1.0f / 255, 1.0f / 255};
};

// The reader to try first, for tests and benchmarks. Those listed after it get the files that it cannot decode.
enum class FirstDecoder { skein, libjpeg_turbo, stb_image };

// One per thread. open() and decode() throw BadImage; the decoder can be used for the next image afterwards.
class ImageDecoder {
 public:
  explicit ImageDecoder(FirstDecoder first = FirstDecoder::skein);

  // Returns the size of the upright image. The bytes must not change until decode() has returned.
  ImageSize open(FileBytes file);
  // Writes (size.height, size.width, 3) floats, RGB. The order of all sums is fixed, so the result depends on the
  // arguments only.
  void decode(const Crop& crop, const PixelScale& scale, ImageSize size, float* out);
  bool grey() const { return readers_[reader_]->grey(); }            // of the image that is open
  const char* decoder() const { return readers_[reader_]->name(); }  // of the image that is open or was decoded last

 private:
  // Opens the file with the first reader from this one on that can decode it.
  ImageSize open_with(size_t reader, FileBytes file);
  size_t next_reader(size_t from, FileBytes file) const;
  void decode_with(ImageReader& reader, const Crop& crop, const PixelScale& scale, ImageSize size, float* out);
  int choose_denominator(const Crop& crop, ImageSize size) const;

  std::vector<std::unique_ptr<ImageReader>> readers_;  // in the order in which they are tried; stb_image is the last
  size_t reader_ = 0;                                  // index of the reader that has the image open
  FileBytes file_;
  ImageSize stored_;
  int orientation_ = 1;
  AxisWeights x_, y_;
  std::vector<float> wide_, row_, bias_, turned_;
};

}  // namespace skein
