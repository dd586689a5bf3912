#include "kernels/downsample.h"

#include <algorithm>

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {
namespace {

// Calls body(small pixel, large pixel) for the pixels that both images have, and rest(large pixel) for the other pixels
// of the large image. The pixels are T*.
template <class T, class Body, class Rest>
void pair_pixels(View large, View small, int64_t stride, Body&& body, Rest&& rest) {
  const int64_t height = large.dims[1], width = large.dims[2];
  CHECK(small.dims[0] == large.dims[0] && small.dims[1] == (height + stride - 1) / stride &&
            small.dims[2] == (width + stride - 1) / stride && small.channels() >= large.channels(),
        "{}x{}x{} by {} does not give {}x{}x{}", height, width, large.channels(), stride, small.dims[1], small.dims[2],
        small.channels());
  CHECK(large.dtype == small.dtype, "types {} and {}", int(large.dtype), int(small.dtype));
  parallel_ranges(large.dims[0] * height, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / height, h = row % height;
      for (int64_t w = 0; w < width; ++w) {
        T* pixel = large.as<T>() + (row * width + w) * large.channels();
        if (h % stride == 0 && w % stride == 0)
          body(small.as<T>() + ((n * small.dims[1] + h / stride) * small.dims[2] + w / stride) * small.channels(),
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
  dispatch(x.dtype, [&]<class T>() {
    pair_pixels<T>(
        x, y, stride, [=](T* to, const T* from) { std::fill_n(std::copy_n(from, in, to), out - in, T{}); }, [](T*) {});
  });
}

void downsample_backward(Stream, View dy, int64_t stride, View dx) {
  const int64_t in = dx.channels();
  dispatch(dx.dtype, [&]<class T>() {
    pair_pixels<T>(
        dx, dy, stride, [=](const T* from, T* to) { std::copy_n(from, in, to); },
        [=](T* to) { std::fill_n(to, in, T{}); });
  });
}

}  // namespace skein::cpu
