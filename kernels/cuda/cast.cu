// Conversions between f32 and bf16. Bytes per element: cast 6; mean_bf16 of k rows 2(k + 1).
#include "kernels/cast.h"
#include "kernels/cuda/dialect/elementwise.h"

namespace skein::cuda {
namespace {

template <class From, class To>
struct Cast {
  static constexpr int kWidth = 8, kUnroll = 2;
  const From* from;
  To* to;
  template <int N>
  __device__ Pack<From, N> load(int64_t i) const {
    return cuda::load<N>(from + i);
  }
  template <int N>
  __device__ void finish(int64_t i, const Pack<From, N>& in) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] = in[k];
    store(to + i, out);
  }
};

// Sums the rows while loading.
struct Mean {
  static constexpr int kWidth = 8, kUnroll = 1;
  float scale;
  const Bf16* parts;
  int64_t rows, stride;
  Bf16* mean;

  template <int N>
  __device__ Sums<N> load(int64_t i) const {
    return sum_parts<N>(rows, [&](int64_t r) { return cuda::load<N>(parts + r * stride + i); });
  }
  template <int N>
  __device__ void finish(int64_t i, const Sums<N>& sums) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] = scale * sums.v[k];
    store(mean + i, out);
  }
};

}  // namespace

void cast(Stream stream, View from, View to) {
  CHECK(from.numel() == to.numel(), "{} numbers cast to {}", from.numel(), to.numel());
  const bool rounds = from.dtype == DType::f32 && to.dtype == DType::bf16;
  CHECK(rounds || (from.dtype == DType::bf16 && to.dtype == DType::f32), "cast is between f32 and bf16");
  if (rounds)
    elementwise(stream, Cast<float, Bf16>{from.as<float>(), to.as<Bf16>()}, from.numel(), from.as<float>(),
                to.as<Bf16>());
  else
    elementwise(stream, Cast<Bf16, float>{from.as<Bf16>(), to.as<float>()}, from.numel(), from.as<Bf16>(),
                to.as<float>());
}

void mean_bf16(Stream stream, float scale, View parts, View mean) {
  const int64_t n = mean.numel();
  CHECK(parts.channels() == n && parts.dtype == DType::bf16 && mean.dtype == DType::bf16,
        "rows of {} bf16 numbers for a mean of {}", parts.channels(), n);
  const Mean op{scale, parts.as<Bf16>(), parts.rows(), n, mean.as<Bf16>()};
  // The second row is passed so that split() finds rows of different alignment.
  elementwise(stream, op, n, op.parts, op.parts + (op.rows > 1 ? n : 0), static_cast<const Bf16*>(op.mean));
}

}  // namespace skein::cuda
