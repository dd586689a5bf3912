#include "kernels/max_pool.h"

#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"
#include "kernels/cpu/dialect/workspace.h"
#include "kernels/cpu/round_to_bf16.h"

namespace skein::cpu {
namespace {

void check_shapes(View x, View y, View indices) {
  CHECK(x.dims[0] == y.dims[0] && max_pooled(x.dims[1]) == y.dims[1] && max_pooled(x.dims[2]) == y.dims[2] &&
            x.channels() == y.channels(),
        "({},{},{},{}) max-pooled to ({},{},{},{})", x.dims[0], x.dims[1], x.dims[2], x.dims[3], y.dims[0], y.dims[1],
        y.dims[2], y.dims[3]);
  CHECK(x.dtype == y.dtype, "types {} and {}", int(x.dtype), int(y.dtype));
  CHECK(!indices || (indices.dtype == DType::u8 && indices.numel() == y.numel()), "taps of {} maxima, {} outputs",
        indices.numel(), y.numel());
}

template <class T>
struct MaxPoolLoops {
  // y = x and indices = t where x is larger than y, or NaN.
  SKEIN_SIMD static void take_larger(const T* __restrict x, uint8_t t, T* __restrict y, uint8_t* __restrict indices,
                                     int64_t channels) {
    for (int64_t c = 0; c < channels; ++c) {
      const T from = x[c], most = y[c];
      const uint8_t tap = indices[c];
      const float v = widen(from);
      const bool larger = v > widen(most) || v != v;
      y[c] = choose(larger, from, most);
      indices[c] = larger ? t : tap;
    }
  }

  SKEIN_SIMD static void start_with(const T* __restrict x, uint8_t t, T* __restrict y, uint8_t* __restrict indices,
                                    int64_t channels) {
    for (int64_t c = 0; c < channels; ++c) y[c] = x[c], indices[c] = t;
  }

  // sum += dy where indices == t.
  SKEIN_SIMD static void add_where(const T* __restrict dy, const uint8_t* __restrict indices, uint8_t t,
                                   float* __restrict sum, int64_t channels) {
    for (int64_t c = 0; c < channels; ++c) {
      const float d = widen(dy[c]);
      sum[c] += indices[c] == t ? d : 0.0f;
    }
  }
};

template <class T>
void forward(View x, View y, View indices) {
  const int64_t h = x.dims[1], w = x.dims[2], c = x.channels(), rows = y.dims[1], columns = y.dims[2];
  parallel_ranges(y.dims[0] * rows, 1, [&](int64_t begin, int64_t end) {
    std::vector<uint8_t> unsaved(indices ? 0 : size_t(c));
    for (int64_t row = begin; row < end; ++row)
      for (int64_t column = 0; column < columns; ++column) {
        T* to = y.as<T>() + (row * columns + column) * c;
        uint8_t* taps = indices ? indices.as<uint8_t>() + (row * columns + column) * c : unsaved.data();
        const T* image = x.as<T>() + row / rows * h * w * c;
        bool first = true;
        for (int64_t t = 0; t < 9; ++t) {
          const int64_t a = row % rows * 2 + t / 3 - 1, b = column * 2 + t % 3 - 1;
          if (a < 0 || a >= h || b < 0 || b >= w) continue;
          (first ? MaxPoolLoops<T>::start_with : MaxPoolLoops<T>::take_larger)(image + (a * w + b) * c, uint8_t(t), to,
                                                                               taps, c);
          first = false;
        }
      }
  });
}

// Sums of a row are taken in f32: in dx itself, or in scratch memory that is then rounded.
template <class T>
void backward(View dy, View indices, View dx) {
  const int64_t h = dx.dims[1], w = dx.dims[2], c = dx.channels(), rows = dy.dims[1], columns = dy.dims[2];
  parallel_ranges(dx.dims[0] * h, 1, [&](int64_t begin, int64_t end) {
    thread_local Workspace workspace;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / h, a = row % h;
      T* const to = dx.as<T>() + row * w * c;
      float* sum = nullptr;
      if constexpr (std::is_same_v<T, float>)
        sum = to;
      else
        sum = workspace.take<float>(w * c);
      std::fill_n(sum, w * c, 0.0f);
      for (int64_t b = 0; b < w; ++b)
        for (int64_t oh = a / 2; oh <= std::min((a + 1) / 2, rows - 1); ++oh)
          for (int64_t ow = b / 2; ow <= std::min((b + 1) / 2, columns - 1); ++ow) {
            const int64_t from = ((n * rows + oh) * columns + ow) * c, t = (a - 2 * oh + 1) * 3 + b - 2 * ow + 1;
            MaxPoolLoops<T>::add_where(dy.as<T>() + from, indices.as<uint8_t>() + from, uint8_t(t), sum + b * c, c);
          }
      if constexpr (std::is_same_v<T, Bf16>) round_to_bf16(sum, to, w * c);
    }
  });
}

}  // namespace

void max_pool_forward(Stream, View x, View y, View indices) {
  check_shapes(x, y, indices);
  dispatch(x.dtype, [&]<class T>() { forward<T>(x, y, indices); });
}

void max_pool_backward(Stream, View dy, View indices, View dx) {
  check_shapes(dx, dy, indices);
  dispatch(dx.dtype, [&]<class T>() { backward<T>(dy, indices, dx); });
}

}  // namespace skein::cpu
