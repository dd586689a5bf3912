// Element-wise z = f(x, y). Bytes per element of s bytes: s for fill; 2s for scale and relu_forward; 3s for axpy, add,
// ema, sub and relu_backward.
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/vector.h"

namespace skein::cuda {
namespace {

template <class T, class F>
struct Unary {
  static constexpr int kWidth = kWide<T>, kUnroll = 4;
  F f;
  const T* x;
  T* z;
  template <int N>
  __device__ Pack<T, N> load(int64_t i) const {
    return cuda::load<N>(x + i);
  }
  template <int N>
  __device__ void finish(int64_t i, const Pack<T, N>& in) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] = f(in[k]);
    store(z + i, out);
  }
};

template <class T, class F>
struct Binary {
  static constexpr int kWidth = kWide<T>, kUnroll = 2;
  F f;
  const T *x, *y;
  T* z;
  template <int N>
  struct Loaded {
    Pack<T, N> x, y;
  };
  template <int N>
  __device__ Loaded<N> load(int64_t i) const {
    return {cuda::load<N>(x + i), cuda::load<N>(y + i)};
  }
  template <int N>
  __device__ void finish(int64_t i, const Loaded<N>& in) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] = f(in.x[k], in.y[k]);
    store(z + i, out);
  }
};

template <class T>
struct Constant {
  static constexpr int kWidth = kWide<T>, kUnroll = 4;
  float a;
  T* z;
  struct Nothing {};
  template <int N>
  __device__ Nothing load(int64_t) const {
    return {};
  }
  template <int N>
  __device__ void finish(int64_t i, Nothing) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] = a;
    store(z + i, out);
  }
};

struct AddScaled {
  float a;
  __device__ float operator()(float x, float y) const { return y + a * x; }
};
struct Add {
  __device__ float operator()(float x, float y) const { return x + y; }
};
struct Sub {
  __device__ float operator()(float x, float y) const { return x - y; }
};
struct Scale {
  float a;
  __device__ float operator()(float x) const { return a * x; }
};
struct Ema {
  float kept, fresh;
  __device__ float operator()(float x, float y) const { return kept * y + fresh * x; }
};
struct Relu {
  __device__ float operator()(float x) const { return x < 0.0f ? 0.0f : x; }  // NaN stays NaN
};
struct ReluGradient {
  __device__ float operator()(float y, float dy) const { return y > 0.0f ? dy : 0.0f; }
};

void same(View a, View b) {
  CHECK(a.numel() == b.numel() && a.dtype == b.dtype, "{} and {} elements, of types {} and {}", a.numel(), b.numel(),
        int(a.dtype), int(b.dtype));
}

template <class F>
void unary(Stream stream, F f, View x, View z) {
  same(x, z);
  dispatch(x.dtype, [&]<class T>() {
    elementwise(stream, Unary<T, F>{f, x.as<T>(), z.as<T>()}, x.numel(), x.as<T>(), z.as<T>());
  });
}

template <class F>
void binary(Stream stream, F f, View x, View y, View z) {
  same(x, y), same(x, z);
  dispatch(x.dtype, [&]<class T>() {
    elementwise(stream, Binary<T, F>{f, x.as<T>(), y.as<T>(), z.as<T>()}, x.numel(), x.as<T>(), y.as<T>(), z.as<T>());
  });
}

}  // namespace

void fill(Stream stream, float a, View x) {
  dispatch(x.dtype, [&]<class T>() { elementwise(stream, Constant<T>{a, x.as<T>()}, x.numel(), x.as<T>()); });
}
void axpy(Stream stream, float a, View x, View y) { binary(stream, AddScaled{a}, x, y, y); }
void add(Stream stream, View x, View y, View z) { binary(stream, Add{}, x, y, z); }
void sub(Stream stream, View x, View y, View z) { binary(stream, Sub{}, x, y, z); }
void scale(Stream stream, float a, View x) { unary(stream, Scale{a}, x, x); }
void ema(Stream stream, double decay, View x, View y) {
  binary(stream, Ema{float(decay), float(1.0 - decay)}, x, y, y);
}
void relu_forward(Stream stream, View x, View y) { unary(stream, Relu{}, x, y); }
void relu_backward(Stream stream, View y, View dy, View dx) { binary(stream, ReluGradient{}, y, dy, dx); }

}  // namespace skein::cuda
