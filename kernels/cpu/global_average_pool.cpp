#include "kernels/global_average_pool.h"

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {
namespace {

void check_shapes(View image, View pooled) {
  CHECK(image.dims[0] == pooled.rows() && image.channels() == pooled.channels(), "({},{},{},{}) pooled to ({},{})",
        image.dims[0], image.dims[1], image.dims[2], image.dims[3], pooled.rows(), pooled.channels());
  CHECK(pooled.dtype == DType::f32, "averages are f32");
}

template <class T>
struct GlobalPoolLoops {
  SKEIN_SIMD static void pool_image(const T* __restrict x, float* __restrict y, int64_t pixels, int64_t channels) {
    for (int64_t c = 0; c < channels; ++c) y[c] = 0.0f;
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < channels; ++c) y[c] += widen(x[p * channels + c]);
    for (int64_t c = 0; c < channels; ++c) y[c] /= float(pixels);
  }

  SKEIN_SIMD static void spread_image(const float* __restrict dy, T* __restrict dx, int64_t pixels, int64_t channels) {
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t c = 0; c < channels; ++c) put(dx[p * channels + c], dy[c] / float(pixels));
  }
};

}  // namespace

void global_average_pool_forward(Stream, View x, View y) {
  check_shapes(x, y);
  const int64_t pixels = x.dims[1] * x.dims[2], channels = x.channels();
  dispatch(x.dtype, [&]<class T>() {
    parallel_ranges(x.dims[0], 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n)
        GlobalPoolLoops<T>::pool_image(x.as<T>() + n * pixels * channels, y.as<float>() + n * channels, pixels,
                                       channels);
    });
  });
}

void global_average_pool_backward(Stream, View dy, View dx) {
  check_shapes(dx, dy);
  const int64_t pixels = dx.dims[1] * dx.dims[2], channels = dx.channels();
  dispatch(dx.dtype, [&]<class T>() {
    parallel_ranges(dx.dims[0], 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n)
        GlobalPoolLoops<T>::spread_image(dy.as<float>() + n * channels, dx.as<T>() + n * pixels * channels, pixels,
                                         channels);
    });
  });
}

}  // namespace skein::cpu
