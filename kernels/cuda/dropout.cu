// A thread draws a block of four random words for four elements. Bytes per element of s bytes: 2s; compute bound in
// bf16.
#include "base/random.h"
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/dropout.h"

namespace skein::cuda {
namespace {

template <class T>
struct Drop {
  static constexpr int kWidth = 4, kUnroll = 1;
  const T* x;
  T* y;
  float rate, scale;
  uint64_t seed;
  uint32_t item;
  const uint32_t* step;

  template <int N>
  struct Loaded {
    Pack<T, N> x;
    uint32_t step;
  };
  template <int N>
  __device__ Loaded<N> load(int64_t i) const {
    return {cuda::load<N>(x + i), *step};
  }
  template <int N>
  __device__ void finish(int64_t i, const Loaded<N>& in) const {
    const RandomWords w = random_words(seed, Purpose::dropout, in.step, item, uint32_t(i / 4));
    float out[N];
    if constexpr (N == 1) {
      const uint32_t low = i % 2 == 0 ? w.v[0] : w.v[1], high = i % 2 == 0 ? w.v[2] : w.v[3];
      out[0] = uniform(i % 4 < 2 ? low : high) < rate ? 0.0f : in.x[0] * scale;
    } else {
#pragma unroll
      for (int k = 0; k < N; ++k) out[k] = uniform(w.v[k]) < rate ? 0.0f : in.x[k] * scale;
    }
    store(y + i, out);
  }
};

}  // namespace

void dropout(Stream stream, View x, float rate, DropoutStream draws, uint32_t layer, View y) {
  CHECK(x.numel() == y.numel() && x.dtype == y.dtype, "dropout of {} numbers into {}", x.numel(), y.numel());
  CHECK(rate >= 0 && rate < 1 && draws.step, "dropout at rate {}", rate);
  CHECK(layer < 1 << 16 && draws.worker < 1 << 16 && x.numel() / 4 <= int64_t{UINT32_MAX},
        "dropout {} of worker {}, {} numbers", layer, draws.worker, x.numel());
  dispatch(x.dtype, [&]<class T>() {
    Split s = split<Drop<T>::kWidth>(x.numel(), x.as<const T>(), y.as<const T>());
    if (s.head % 4 != 0) s = {x.numel(), 0, x.numel()};  // a vector must be exactly one block of words
    elementwise(
        stream,
        Drop<T>{x.as<T>(), y.as<T>(), rate, 1.0f / (1.0f - rate), draws.seed, draws.worker << 16 | layer, draws.step},
        s);
  });
}

}  // namespace skein::cuda
