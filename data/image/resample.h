// Bilinear resampling with antialiasing, as torchvision resizes PIL images: a triangle as wide as two output pixels, or
// two input pixels where that is more, normalised over the pixels that may be read. Separable: the weights of both axes
// are made once per image; then input rows come one by one, and each is added to the output rows that it is part of.
//   output[k] = sum_t weight(k,t) * input[first[k] + t],   weight(k,t) ~ max(0, 1 - |first[k] + t + 0.5 - centre| / s),
//   centre = begin + (k + 0.5) * length / outputs,  s = max(1, length / outputs)
// PIL rounds weights to 22 bits and, between the axes, pixels to 8; nothing is rounded here. On the CPU alone: it
// follows the decoding of an image.
#pragma once

#include <cstdint>
#include <vector>

namespace skein {

// What the outputs cover along one axis, in input pixels: [begin, begin + length); only pixels in [low, high) are read.
struct Extent {
  double begin = 0, length = 0;
  int64_t low = 0, high = 0;
};

struct AxisWeights {
  int64_t taps = 0;            // of every output, an even number; unused ones have weight 0
  std::vector<int32_t> first;  // of each output
  std::vector<float> weights;  // (outputs, taps)
  std::vector<float> lanes;    // the same, each weight four times: once per value of a pixel
  int64_t begin = 0, end = 0;  // input pixels that any output reads

  // Mirrored: output k is what output n-1-k would be. Memory is kept from call to call.
  void make(const Extent& extent, int64_t outputs, bool mirrored);
};

// Bytes to floats.
void widen_row(const uint8_t* from, int64_t n, float* to);

// out (outputs, 3) = weights times row (pixels of four floats, the first of them pixel number `origin`), times scale
// (4). Reads x.taps pixels, and writes one float, past the end.
void resample_row(const float* row, int64_t origin, const AxisWeights& x, const float* scale, float* out);

// out = bias + weight * row;   out += weight * row
void begin_sum(const float* row, float weight, const float* bias, int64_t n, float* out);
void add_to_sum(const float* row, float weight, int64_t n, float* out);

}  // namespace skein
