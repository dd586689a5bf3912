// From a JPEG or PNG file to a piece of a batch in one pass: rows are decoded, resampled across, and added to the
// output rows that they are part of; there is no image in between. Where the piece is at least 2, 4 or 8 times larger
// than the output, a JPEG is decoded at that fraction of its size, which the discrete cosine transform gives for less;
// rows and columns outside the piece are not transformed at all. Grey images get three equal channels, CMYK is
// converted, alpha is dropped, and images that their EXIF header calls rotated are turned upright.
#pragma once

#include "data/image/image_reader.h"
#include "data/image/resample.h"

namespace skein {

// What becomes the output, in pixels of the upright image.
struct Crop {
  Extent x, y;
  bool flip = false;  // left and right
};

// (pixel / 255 - mean) / std per channel.
struct PixelScale {
  float mean[3] = {0, 0, 0}, std[3] = {1.0f / 255, 1.0f / 255, 1.0f / 255};  // as it is: bytes stay bytes
};

// Who may decode, to compare with: what an image is tried with first; the ones behind it take what it refuses.
enum class FirstDecoder { skein, libjpeg_turbo, stb_image };

// One per thread. BadImage from both functions; the decoder is good for the next image then.
class ImageDecoder {
 public:
  explicit ImageDecoder(FirstDecoder first = FirstDecoder::skein);

  // Size of the upright image. The bytes must stay as they are until decode() has returned.
  ImageSize open(FileBytes file);
  // Writes `size` pixels, RGB. The order of all sums is fixed, so the result depends on the arguments alone.
  void decode(const Crop& crop, const PixelScale& scale, ImageSize size, float* out);
  bool grey() const { return readers_[reader_]->grey(); }            // the image that is open
  const char* decoder() const { return readers_[reader_]->name(); }  // of that image, or the one decoded last
  void allow_scaling(bool allow) { scaling_ = allow; }               // false: decode at full size, as torchvision does

 private:
  ImageSize open_with(size_t reader, FileBytes file);
  void decode_with(ImageReader& reader, const Crop& crop, const PixelScale& scale, ImageSize size, float* out);
  int choose_denominator(const Crop& crop, ImageSize size) const;

  std::vector<std::unique_ptr<ImageReader>> readers_;  // in the order in which they are tried; stb_image is the last
  size_t reader_ = 0;                                  // that has the image open
  FileBytes file_;
  ImageSize stored_;
  int orientation_ = 1;
  bool scaling_ = true;
  AxisWeights x_, y_;
  std::vector<float> wide_, row_, bias_, turned_;
};

}  // namespace skein
