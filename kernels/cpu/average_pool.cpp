#include "kernels/average_pool.h"

#include "base/check.h"
#include "base/simd.h"

namespace skein::cpu {
namespace {

void check_shapes(View x, View y) {
  CHECK(x.dims[0] == y.dims[0] && x.dims[1] / 2 == y.dims[1] && x.dims[2] / 2 == y.dims[2] &&
            x.channels() == y.channels(),
        "({},{},{},{}) average-pooled to ({},{},{},{})", x.dims[0], x.dims[1], x.dims[2], x.dims[3], y.dims[0],
        y.dims[1], y.dims[2], y.dims[3]);
}

// One row of y from two rows of x.
SKEIN_SIMD void average_row(const float* __restrict upper, const float* __restrict lower, float* __restrict y,
                            int64_t columns, int64_t channels) {
  for (int64_t w = 0; w < columns; ++w)
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t left = 2 * w * channels + c, right = left + channels;
      y[w * channels + c] = 0.25f * ((upper[left] + upper[right]) + (lower[left] + lower[right]));
    }
}

// One row of dx from one row of dy.
SKEIN_SIMD void spread_row(const float* __restrict dy, float* __restrict dx, int64_t columns, int64_t channels) {
  for (int64_t b = 0; b < columns; ++b)
    for (int64_t c = 0; c < channels; ++c) dx[b * channels + c] = 0.25f * dy[b / 2 * channels + c];
}

}  // namespace

void average_pool_forward(Stream, View x, View y) {
  check_shapes(x, y);
  const int64_t rows = y.dims[1], columns = y.dims[2], c = y.channels(), pitch = x.dims[2] * c;
  parallel_ranges(y.dims[0] * rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* upper = x.as<float>() + (row / rows * x.dims[1] + row % rows * 2) * pitch;
      average_row(upper, upper + pitch, y.as<float>() + row * columns * c, columns, c);
    }
  });
}

void average_pool_backward(Stream, View dy, View dx) {
  check_shapes(dx, dy);
  const int64_t rows = dy.dims[1], columns = dy.dims[2], c = dy.channels(), h = dx.dims[1], pitch = dx.dims[2] * c;
  parallel_ranges(dx.dims[0] * h, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t used = row % h < 2 * rows ? 2 * columns : 0;
      float* to = dx.as<float>() + row * pitch;
      if (used > 0) spread_row(dy.as<float>() + (row / h * rows + row % h / 2) * columns * c, to, used, c);
      std::fill_n(to + used * c, pitch - used * c, 0.0f);
    }
  });
}

}  // namespace skein::cpu
