#include "kernels/downsample.h"

#include <algorithm>

#include "base/check.h"
#include "base/simd.h"

namespace skein::cpu {
namespace {

// Calls body(small pixel, large pixel) for the pixels that both images have, and rest(large pixel) for the other pixels
// of the large image.
template <class Body, class Rest>
void pair_pixels(View large, View small, int64_t stride, Body&& body, Rest&& rest) {
  const int64_t height = large.dims[1], width = large.dims[2];
  CHECK(small.dims[0] == large.dims[0] && small.dims[1] == (height + stride - 1) / stride &&
            small.dims[2] == (width + stride - 1) / stride && small.channels() >= large.channels(),
        "{}x{}x{} by {} does not give {}x{}x{}", height, width, large.channels(), stride, small.dims[1], small.dims[2],
        small.channels());
  CHECK(large.dtype == DType::f32 && small.dtype == DType::f32, "the CPU computes in f32");
  parallel_ranges(large.dims[0] * height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / height, h = row % height;
      for (int64_t w = 0; w < width; ++w) {
        float* pixel = large.as<float>() + (row * width + w) * large.channels();
        if (h % stride == 0 && w % stride == 0)
          body(small.as<float>() + ((n * small.dims[1] + h / stride) * small.dims[2] + w / stride) * small.channels(),
               pixel);
        else
          rest(pixel);
      }
    }
  });
}

}  // namespace

void downsample_forward(Stream, View x, int64_t stride, View y) {
  const int64_t in = x.channels(), out = y.channels();
  pair_pixels(
      x, y, stride, [=](float* to, const float* from) { std::fill_n(std::copy_n(from, in, to), out - in, 0.0f); },
      [](float*) {});
}

void downsample_backward(Stream, View dy, int64_t stride, View dx) {
  const int64_t in = dx.channels();
  pair_pixels(
      dx, dy, stride, [=](const float* from, float* to) { std::copy_n(from, in, to); },
      [=](float* to) { std::fill_n(to, in, 0.0f); });
}

}  // namespace skein::cpu
