#include "kernels/max_pool.h"

#include <vector>

#include "base/check.h"
#include "base/simd.h"

namespace skein::cpu {
namespace {

void check_shapes(View x, View y, View indices) {
  CHECK(x.dims[0] == y.dims[0] && max_pooled(x.dims[1]) == y.dims[1] && max_pooled(x.dims[2]) == y.dims[2] &&
            x.channels() == y.channels(),
        "({},{},{},{}) max-pooled to ({},{},{},{})", x.dims[0], x.dims[1], x.dims[2], x.dims[3], y.dims[0], y.dims[1],
        y.dims[2], y.dims[3]);
  CHECK(!indices || (indices.dtype == DType::u8 && indices.numel() == y.numel()), "taps of {} maxima, {} outputs",
        indices.numel(), y.numel());
}

// y = x and indices = t where x is larger than y, or NaN.
SKEIN_SIMD void take_larger(const float* __restrict x, uint8_t t, float* __restrict y, uint8_t* __restrict indices,
                            int64_t channels) {
  for (int64_t c = 0; c < channels; ++c) {
    const bool larger = x[c] > y[c] || x[c] != x[c];
    y[c] = larger ? x[c] : y[c];
    indices[c] = larger ? t : indices[c];
  }
}

SKEIN_SIMD void start_with(const float* __restrict x, uint8_t t, float* __restrict y, uint8_t* __restrict indices,
                           int64_t channels) {
  for (int64_t c = 0; c < channels; ++c) y[c] = x[c], indices[c] = t;
}

// dx += dy where indices == t.
SKEIN_SIMD void add_where(const float* __restrict dy, const uint8_t* __restrict indices, uint8_t t,
                          float* __restrict dx, int64_t channels) {
  for (int64_t c = 0; c < channels; ++c) dx[c] += indices[c] == t ? dy[c] : 0.0f;
}

}  // namespace

void max_pool_forward(Stream, View x, View y, View indices) {
  check_shapes(x, y, indices);
  const int64_t h = x.dims[1], w = x.dims[2], c = x.channels(), rows = y.dims[1], columns = y.dims[2];
  parallel_ranges(y.dims[0] * rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<uint8_t> unsaved(indices ? 0 : size_t(c));
    for (int64_t row = begin; row < end; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        float* to = y.as<float>() + (row * columns + column) * c;
        uint8_t* taps = indices ? indices.as<uint8_t>() + (row * columns + column) * c : unsaved.data();
        const float* image = x.as<float>() + row / rows * h * w * c;
        bool first = true;
        for (int64_t t = 0; t < 9; ++t) {
          const int64_t a = row % rows * 2 + t / 3 - 1, b = column * 2 + t % 3 - 1;
          if (a < 0 || a >= h || b < 0 || b >= w) continue;
          (first ? start_with : take_larger)(image + (a * w + b) * c, uint8_t(t), to, taps, c);
          first = false;
        }
      }
  });
}

void max_pool_backward(Stream, View dy, View indices, View dx) {
  check_shapes(dx, dy, indices);
  const int64_t h = dx.dims[1], w = dx.dims[2], c = dx.channels(), rows = dy.dims[1], columns = dy.dims[2];
  parallel_ranges(dx.dims[0] * h, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / h, a = row % h;
      std::fill_n(dx.as<float>() + row * w * c, w * c, 0.0f);
      for (int64_t b = 0; b < w; ++b)
        for (int64_t oh = a / 2; oh <= std::min((a + 1) / 2, rows - 1); ++oh)
          for (int64_t ow = b / 2; ow <= std::min((b + 1) / 2, columns - 1); ++ow) {
            const int64_t from = ((n * rows + oh) * columns + ow) * c, t = (a - 2 * oh + 1) * 3 + b - 2 * ow + 1;
            add_where(dy.as<float>() + from, indices.as<uint8_t>() + from, uint8_t(t),
                      dx.as<float>() + (row * w + b) * c, c);
          }
    }
  });
}

}  // namespace skein::cpu
