// A thread draws four numbers from two blocks of random words. Bytes per element: 8; compute bound.
#include "base/random.h"
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/gaussian_noise.h"

namespace skein::cuda {
namespace {

// normal() of base/random.h in f32, within 1e-6 of it. Arguments near 1 use log1p. The cosine is computed as the sine
// of the complement to a quarter turn, by a polynomial.
__device__ float box_muller(uint32_t word0, uint32_t word1) {
  const float log = word0 >= 0x80000000u ? log1pf(-float(~word0) * 0x1p-32f) : logf(float(word0 + 1) * 0x1p-32f);
  const uint32_t turn = word1 >= 0x80000000u ? 0u - word1 : word1;  // cos(-a) = cos(a): reduces to half a turn
  const float s = float(int32_t(0x40000000u - turn)) * 0x1p-32f, square = s * s;
  float sine = fmaf(39.760723f, square, -76.58128f);
  sine = fmaf(sine, square, 81.60248f);
  sine = fmaf(sine, square, -41.341682f);
  sine = fmaf(sine, square, 6.2831855f);
  return sqrtf(-2.0f * log) * (s * sine);
}

struct Noise {
  static constexpr int kWidth = 4, kUnroll = 1;
  float sigma;
  NoiseStream stream;
  int64_t first;
  float* grad;

  template <int N>
  struct Loaded {
    Pack<float, N> grad;
    uint32_t step;
  };
  template <int N>
  __device__ Loaded<N> load(int64_t i) const {
    return {cuda::load<N>(grad + i), *stream.step};
  }
  template <int N>
  __device__ void finish(int64_t i, const Loaded<N>& in) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; k += 2) {
      const int64_t index = first + i + k;
      const RandomWords w = random_words(stream.seed, Purpose::noise, in.step, stream.worker, uint32_t(index / 2));
      if constexpr (N == 1) {
        out[0] = in.grad[0] + sigma * (index % 2 == 0 ? box_muller(w.v[0], w.v[1]) : box_muller(w.v[2], w.v[3]));
      } else {
        out[k] = in.grad[k] + sigma * box_muller(w.v[0], w.v[1]);
        out[k + 1] = in.grad[k + 1] + sigma * box_muller(w.v[2], w.v[3]);
      }
    }
    store(grad + i, out);
  }
};

}  // namespace

void gaussian_noise(Stream stream, float sigma, NoiseStream noise, int64_t first, View grad) {
  CHECK(grad.dtype == DType::f32 && first % 2 == 0, "noise on a segment that begins at {}", first);
  const int64_t n = grad.numel();
  CHECK((first + n) / 2 <= int64_t{UINT32_MAX}, "{} numbers are more than the counter has blocks for", first + n);
  Split s = split<Noise::kWidth>(n, grad.as<const float>());
  if (s.head % 2 != 0) s = {n, 0, n};  // a vector must start with the first number of a block of words
  elementwise(stream, Noise{sigma, noise, first, grad.as<float>()}, s);
}

}  // namespace skein::cuda
