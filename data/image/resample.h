// Bilinear resampling with antialiasing, as torchvision resizes PIL images: a triangle filter whose half width is one
// output pixel, or one input pixel if that is more, normalised over the pixels that may be read. Separable: the weights
// of both axes are computed once per image; then each input row is resampled along x and added to its output rows.
//
//   output[k] = sum_t weight(k,t) * input[first[k] + t],   weight(k,t) ~ max(0, 1 - |first[k] + t + 0.5 - centre| / s),
//   centre = begin + (k + 0.5) * length / outputs,  s = max(1, length / outputs)
//
// PIL rounds weights to 22 bits and, between the axes, pixels to 8 bits; this code rounds nothing. CPU only.
#pragma once

#include <cstdint>
#include <vector>

namespace skein {

// Range of input pixels along one axis that the outputs cover: [begin, begin + length). Only pixels in [low, high) are
// read.
struct Extent {
  double begin = 0, length = 0;
  int64_t low = 0, high = 0;
};

struct AxisWeights {
  int64_t taps = 0;            // weights per output, an even number; unused ones are 0
  std::vector<int32_t> first;  // first input pixel of each output
  std::vector<float> weights;  // (outputs, taps)
  std::vector<float> lanes;    // (outputs, taps, 4): each weight once per value of a pixel
  int64_t begin = 0, end = 0;  // range of input pixels that the outputs read

  // mirrored: outputs in reverse order. Memory is reused from call to call.
  void make(const Extent& extent, int64_t outputs, bool mirrored);
};

// Converts n bytes to floats.
void widen_row(const uint8_t* from, int64_t n, float* to);

// out (outputs, 3) = weights times row, times scale (4). `row` has pixels of four floats; the first one is pixel number
// `origin`. Reads up to x.taps pixels and writes one float past the end.
void resample_row(const float* row, int64_t origin, const AxisWeights& x, const float* scale, float* out);

// out = bias + weight * row;   out += weight * row
void begin_sum(const float* row, float weight, const float* bias, int64_t n, float* out);
void add_to_sum(const float* row, float weight, int64_t n, float* out);

}  // namespace skein
