#include <cmath>
#include <cstring>
#include <numbers>

#include "data/augment/image_ops.h"

namespace skein {
namespace {

// Pillow's COORD: numbers below 0 are outside, also those above -1.
int64_t coordinate(double v) { return v < 0 ? -1 : int64_t(v); }

int64_t fixed(double v) { return int64_t(std::floor(v * 65536.0 + 0.5)); }

void copy_pixel(const View& image, const uint8_t* from, int64_t y, int64_t x, uint8_t* to) {
  if (y < 0 || y >= image.dims[1] || x < 0 || x >= image.dims[2]) return;
  const int64_t channels = image.dims[3];
  std::memcpy(to, from + (y * image.dims[2] + x) * channels, size_t(channels));
}

// A copy of the image in `scratch`, and the image black.
const uint8_t* take_out(View image, Bytes& scratch) {
  scratch.resize(std::max(scratch.size(), image.bytes()));
  std::memcpy(scratch.data(), image.data, image.bytes());
  std::memset(image.data, 0, image.bytes());
  return scratch.data();
}

// Pillow's ImagingScaleAffine: no shear, no rotation.
void scale_affine(View image, const AffineMatrix& m, Bytes& scratch) {
  const uint8_t* from = take_out(image, scratch);
  uint8_t* to = image.as<uint8_t>();
  double v = m[5] + m[4] * 0.5;
  for (int64_t y = 0; y < image.dims[1]; ++y, v += m[4]) {
    double u = m[2] + m[0] * 0.5;
    for (int64_t x = 0; x < image.dims[2]; ++x, u += m[0], to += image.dims[3])
      copy_pixel(image, from, coordinate(v), coordinate(u), to);
  }
}

// Turns by +90 or -90 degrees, of a square image.
void turn(View image, bool counterclockwise, Bytes& scratch) {
  const uint8_t* from = take_out(image, scratch);
  const int64_t side = image.dims[1];
  uint8_t* to = image.as<uint8_t>();
  for (int64_t y = 0; y < side; ++y)
    for (int64_t x = 0; x < side; ++x, to += image.dims[3])
      if (counterclockwise)
        copy_pixel(image, from, x, side - 1 - y, to);
      else
        copy_pixel(image, from, side - 1 - x, y, to);
}

// Python's round(v, 15).
double round15(double v) { return std::nearbyint(v * 1e15) / 1e15; }

}  // namespace

// Pillow's affine_fixed, and ImagingScaleAffine where the matrix has neither shear nor rotation.
void affine(View image, const AffineMatrix& m, Bytes& scratch) {
  if (m[1] == 0 && m[3] == 0) return scale_affine(image, m, scratch);
  const uint8_t* from = take_out(image, scratch);
  uint8_t* to = image.as<uint8_t>();
  const int64_t along_u = fixed(m[0]), along_v = fixed(m[3]), down_u = fixed(m[1]), down_v = fixed(m[4]);
  int64_t row_u = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), row_v = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
  for (int64_t y = 0; y < image.dims[1]; ++y, row_u += down_u, row_v += down_v) {
    int64_t u = row_u, v = row_v;
    for (int64_t x = 0; x < image.dims[2]; ++x, u += along_u, v += along_v, to += image.dims[3])
      copy_pixel(image, from, v >> 16, u >> 16, to);
  }
}

void rotate(View image, double degrees, Bytes& scratch) {
  const double height = double(image.dims[1]), width = double(image.dims[2]);
  double angle = std::fmod(degrees, 360.0);
  if (angle < 0) angle += 360.0;
  if (angle == 0) return;
  if ((angle == 90 || angle == 270) && image.dims[1] == image.dims[2]) return turn(image, angle == 90, scratch);
  const double radians = -angle * std::numbers::pi / 180.0;
  const double cosine = round15(std::cos(radians)), sine = round15(std::sin(radians));
  AffineMatrix m{cosine, sine, 0, -sine, cosine, 0};
  m[2] = m[0] * -(width / 2) + m[1] * -(height / 2) + m[2] + width / 2;
  m[5] = m[3] * -(width / 2) + m[4] * -(height / 2) + m[5] + height / 2;
  affine(image, m, scratch);
}

}  // namespace skein
