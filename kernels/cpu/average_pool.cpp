#include "kernels/average_pool.h"

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {
namespace {

void check_shapes(View x, View y) {
  CHECK(x.dims[0] == y.dims[0] && x.dims[1] / 2 == y.dims[1] && x.dims[2] / 2 == y.dims[2] &&
            x.channels() == y.channels(),
        "({},{},{},{}) average-pooled to ({},{},{},{})", x.dims[0], x.dims[1], x.dims[2], x.dims[3], y.dims[0],
        y.dims[1], y.dims[2], y.dims[3]);
  CHECK(x.dtype == y.dtype, "types {} and {}", int(x.dtype), int(y.dtype));
}

template <class T>
struct AveragePoolLoops {
  // One row of y from two rows of x.
  SKEIN_SIMD static void average_row(const T* __restrict upper, const T* __restrict lower, T* __restrict y,
                                     int64_t columns, int64_t channels) {
    for (int64_t w = 0; w < columns; ++w)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t left = 2 * w * channels + c, right = left + channels;
        const float sum = (widen(upper[left]) + widen(upper[right])) + (widen(lower[left]) + widen(lower[right]));
        put(y[w * channels + c], 0.25f * sum);
      }
  }

  // One row of dx from one row of dy.
  SKEIN_SIMD static void spread_row(const T* __restrict dy, T* __restrict dx, int64_t columns, int64_t channels) {
    for (int64_t b = 0; b < columns; ++b)
      for (int64_t c = 0; c < channels; ++c) put(dx[b * channels + c], 0.25f * widen(dy[b / 2 * channels + c]));
  }
};

}  // namespace

void average_pool_forward(Stream, View x, View y) {
  check_shapes(x, y);
  const int64_t rows = y.dims[1], columns = y.dims[2], c = y.channels(), pitch = x.dims[2] * c;
  dispatch(x.dtype, [&]<class T>() {
    parallel_ranges(y.dims[0] * rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* upper = x.as<T>() + (row / rows * x.dims[1] + row % rows * 2) * pitch;
        AveragePoolLoops<T>::average_row(upper, upper + pitch, y.as<T>() + row * columns * c, columns, c);
      }
    });
  });
}

void average_pool_backward(Stream, View dy, View dx) {
  check_shapes(dx, dy);
  const int64_t rows = dy.dims[1], columns = dy.dims[2], c = dy.channels(), h = dx.dims[1], pitch = dx.dims[2] * c;
  dispatch(dx.dtype, [&]<class T>() {
    parallel_ranges(dx.dims[0] * h, 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t used = row % h < 2 * rows ? 2 * columns : 0;
        T* to = dx.as<T>() + row * pitch;
        if (used > 0)
          AveragePoolLoops<T>::spread_row(dy.as<T>() + (row / h * rows + row % h / 2) * columns * c, to, used, c);
        std::fill_n(to + used * c, pitch - used * c, T{});
      }
    });
  });
}

}  // namespace skein::cpu
