// Forward: a block averages the pixels of one image. Backward: it distributes one pixel over an image. Bytes: s per
// element of x or dx, with elements of s bytes; y and dy are small.
#include "kernels/cuda/dialect/columns.h"
#include "kernels/global_average_pool.h"

namespace skein::cuda {
namespace {

// One strip per image; its rows are the pixels, c.rows per image.
template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) pool_forward_kernel(const T* x, float* y, Columns c) {
  ThreadPosition p = thread_position(c);
  const int64_t image = p.strip;
  p.strip = 0, c.strips = 1;
  x += image * c.rows * c.groups * kWidth;
  float sums[kWidth] = {};
  if (p.active)
    for_rows<4, kWidth>(
        c, p, [&](int64_t i) { return load<kWidth>(x + i); },
        [&](int64_t, const Pack<T, kWidth>& in) {
#pragma unroll
          for (int k = 0; k < kWidth; ++k) sums[k] += in[k];
        });
  sum_rows(sums, p.row, c.width, c.height);
  if (!p.active || p.row > 0) return;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) sums[k] /= float(c.rows);
  store(y + (image * c.groups + p.group) * kWidth, sums);
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) pool_backward_kernel(const float* dy, T* dx, Columns c) {
  ThreadPosition p = thread_position(c);
  if (!p.active) return;
  const int64_t image = p.strip;
  p.strip = 0, c.strips = 1;
  dx += image * c.rows * c.groups * kWidth;
  const auto sum = load<kWidth>(dy + (image * c.groups + p.group) * kWidth);
  float out[kWidth];
#pragma unroll
  for (int k = 0; k < kWidth; ++k) out[k] = sum[k] / float(c.rows);
  struct Nothing {};
  for_rows<1, kWidth>(
      c, p, [](int64_t) { return Nothing{}; }, [&](int64_t i, Nothing) { store(dx + i, out); });
}

void check_global_pool(View image, View pooled) {
  CHECK(image.dims[0] == pooled.rows() && image.channels() == pooled.channels() && pooled.dtype == DType::f32,
        "({},{},{},{}) pooled to ({},{}) in f32", image.dims[0], image.dims[1], image.dims[2], image.dims[3],
        pooled.rows(), pooled.channels());
}

Columns images(View image, int64_t groups) {
  Columns c = columns(image.dims[1] * image.dims[2], groups);
  c.strips = int(image.dims[0]);
  return c;
}

}  // namespace

void global_average_pool_forward(Stream stream, View x, View y) {
  check_global_pool(x, y);
  dispatch_columns(x.dtype, x.channels(), {x.data, y.data}, [&]<class T, int kWidth>() {
    const Columns c = images(x, x.channels() / kWidth);
    launch(pool_forward_kernel<T, kWidth>, c.blocks(), kBlock, stream, x.as<T>(), y.as<float>(), c);
  });
}

void global_average_pool_backward(Stream stream, View dy, View dx) {
  check_global_pool(dx, dy);
  dispatch_columns(dx.dtype, dx.channels(), {dy.data, dx.data}, [&]<class T, int kWidth>() {
    const Columns c = images(dx, dx.channels() / kWidth);
    launch(pool_backward_kernel<T, kWidth>, c.blocks(), kBlock, stream, dy.as<float>(), dx.as<T>(), c);
  });
}

}  // namespace skein::cuda
