// Bytes per element: bias_add 8, reads and writes y; column_sum 4, reads dy. One block sums all rows of its columns:
// the rows are a classifier's batch, a few hundred at most.
#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/linear_bias.h"

namespace skein::cuda {
namespace {

template <int kWidth>
__global__ void __launch_bounds__(kBlock) bias_add_kernel(const float* b, float* y, Columns c) {
  const ThreadPosition p = thread_position(c);
  if (!p.active) return;
  const auto bias = load<kWidth>(b + p.group * kWidth);
  for_rows<4, kWidth>(
      c, p, [&](int64_t i) { return load<kWidth>(y + i); },
      [&](int64_t i, const Pack<float, kWidth>& in) {
        float out[kWidth];
#pragma unroll
        for (int k = 0; k < kWidth; ++k) out[k] = in[k] + bias[k];
        store(y + i, out);
      });
}

template <int kWidth>
__global__ void __launch_bounds__(kBlock) column_sum_kernel(const float* dy, float* db, Columns c) {
  const ThreadPosition p = thread_position(c);
  float sums[kWidth] = {};
  if (p.active)
    for_rows<4, kWidth>(
        c, p, [&](int64_t i) { return load<kWidth>(dy + i); },
        [&](int64_t, const Pack<float, kWidth>& in) {
#pragma unroll
          for (int k = 0; k < kWidth; ++k) sums[k] += in[k];
        });
  sum_rows(sums, p.row, c.width, c.height);
  if (p.active && p.row == 0) store(db + p.group * kWidth, sums);
}

void check_linear_bias(View image, View vector) {
  CHECK(image.dtype == DType::f32 && vector.dtype == DType::f32 && vector.numel() == image.channels(),
        "{} columns and a vector of {}, f32", image.channels(), vector.numel());
}

}  // namespace

void bias_add(Stream stream, View b, View y) {
  check_linear_bias(y, b);
  dispatch_width<float>(y.channels(), {b.data, y.data}, [&]<int kWidth>() {
    const Columns c = columns(y.rows(), y.channels() / kWidth, 4, 8);
    launch(bias_add_kernel<kWidth>, c.blocks(), kBlock, stream, b.as<float>(), y.as<float>(), c);
  });
}

void column_sum(Stream stream, View dy, View db) {
  check_linear_bias(dy, db);
  dispatch_width<float>(dy.channels(), {dy.data, db.data}, [&]<int kWidth>() {
    const Columns c = columns(dy.rows(), dy.channels() / kWidth);
    launch(column_sum_kernel<kWidth>, c.blocks(), kBlock, stream, dy.as<float>(), db.as<float>(), c);
  });
}

}  // namespace skein::cuda
