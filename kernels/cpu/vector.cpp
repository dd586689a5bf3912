#include "kernels/vector.h"

#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {
namespace {

constexpr int64_t kGrain = 4096;  // elements per thread at least

void same_size(View a, View b) {
  CHECK(a.numel() == b.numel() && a.dtype == b.dtype, "{} and {} elements, of types {} and {}", a.numel(), b.numel(),
        int(a.dtype), int(b.dtype));
}

template <class T>
struct VectorLoops {
  SKEIN_SIMD static void fill_range(float a, T* x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) put(x[i], a);
  }
  SKEIN_SIMD static void axpy_range(float a, const T* __restrict x, T* __restrict y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) put(y[i], widen(y[i]) + a * widen(x[i]));
  }
  SKEIN_SIMD static void add_range(const T* x, const T* y, T* z, int64_t n) {
    SKEIN_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) put(z[i], widen(x[i]) + widen(y[i]));
  }
  SKEIN_SIMD static void sub_range(const T* x, const T* y, T* z, int64_t n) {
    SKEIN_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) put(z[i], widen(x[i]) - widen(y[i]));
  }
  SKEIN_SIMD static void scale_range(float a, T* x, int64_t n) {
    for (int64_t i = 0; i < n; ++i) put(x[i], widen(x[i]) * a);
  }
  SKEIN_SIMD static void ema_range(float kept, float fresh, const T* __restrict x, T* __restrict y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) put(y[i], kept * widen(y[i]) + fresh * widen(x[i]));
  }
  SKEIN_SIMD static void relu_forward_range(const T* x, T* y, int64_t n) {
    SKEIN_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) put(y[i], widen(x[i]) < 0.0f ? 0.0f : widen(x[i]));
  }
  SKEIN_SIMD static void relu_backward_range(const T* y, const T* dy, T* dx, int64_t n) {
    SKEIN_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) {
      const float g = widen(dy[i]);
      put(dx[i], widen(y[i]) > 0.0f ? g : 0.0f);
    }
  }
};

// Calls body.operator()<T>(begin, end) for ranges of the elements of x, which are of type T.
template <class Body>
void on_ranges(View x, Body&& body) {
  dispatch(x.dtype, [&]<class T>() {
    parallel_ranges(x.numel(), kGrain, [&](int64_t b, int64_t e) { body.template operator()<T>(b, e); });
  });
}

}  // namespace

void fill(Stream, float a, View x) {
  on_ranges(x, [&]<class T>(int64_t b, int64_t e) { VectorLoops<T>::fill_range(a, x.as<T>() + b, e - b); });
}

void axpy(Stream, float a, View x, View y) {
  same_size(x, y);
  on_ranges(x,
            [&]<class T>(int64_t b, int64_t e) { VectorLoops<T>::axpy_range(a, x.as<T>() + b, y.as<T>() + b, e - b); });
}

void add(Stream, View x, View y, View z) {
  same_size(x, y), same_size(x, z);
  on_ranges(x, [&]<class T>(int64_t b, int64_t e) {
    VectorLoops<T>::add_range(x.as<T>() + b, y.as<T>() + b, z.as<T>() + b, e - b);
  });
}

void sub(Stream, View x, View y, View z) {
  same_size(x, y), same_size(x, z);
  on_ranges(x, [&]<class T>(int64_t b, int64_t e) {
    VectorLoops<T>::sub_range(x.as<T>() + b, y.as<T>() + b, z.as<T>() + b, e - b);
  });
}

void scale(Stream, float a, View x) {
  on_ranges(x, [&]<class T>(int64_t b, int64_t e) { VectorLoops<T>::scale_range(a, x.as<T>() + b, e - b); });
}

void ema(Stream, double decay, View x, View y) {
  same_size(x, y);
  const float kept = float(decay), fresh = float(1.0 - decay);
  on_ranges(x, [&]<class T>(int64_t b, int64_t e) {
    VectorLoops<T>::ema_range(kept, fresh, x.as<T>() + b, y.as<T>() + b, e - b);
  });
}

void relu_forward(Stream, View x, View y) {
  same_size(x, y);
  on_ranges(x, [&]<class T>(int64_t b, int64_t e) {
    VectorLoops<T>::relu_forward_range(x.as<T>() + b, y.as<T>() + b, e - b);
  });
}

void relu_backward(Stream, View y, View dy, View dx) {
  same_size(y, dy), same_size(y, dx);
  on_ranges(y, [&]<class T>(int64_t b, int64_t e) {
    VectorLoops<T>::relu_backward_range(y.as<T>() + b, dy.as<T>() + b, dx.as<T>() + b, e - b);
  });
}

}  // namespace skein::cpu
