// Parts of dense_block.cu and dense_block_backward.cu: the channels of a block that a layer reads or writes, and the
// normalisation that every reader applies.
#pragma once

#include <numeric>

#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/dense_block.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

// for_rows() of columns.h for operands with different pitches: calls use(row, load(row)).
template <int kUnroll, class Load, class Use>
__device__ void for_row_numbers(const Columns& c, const ThreadPosition& p, Load&& load, Use&& use) {
  using Loaded = decltype(load(int64_t{0}));
  const int step = c.strips * c.height;
  for (int row = p.strip * c.height + p.row; row < c.rows; row += kUnroll * step) {
    Loaded loaded[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (row + u * step < c.rows) loaded[u] = load(int64_t{row + u * step});
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (row + u * step < c.rows) use(int64_t{row + u * step}, loaded[u]);
  }
}

// Some channels of every row; `pitch` is the number of elements from row to row.
template <class T>
struct Rows {
  T* data;
  int64_t pitch;
  __device__ T* at(int64_t row) const { return data + row * pitch; }
  __device__ Rows right(int64_t channels) const { return {data + channels, pitch}; }
};

template <class T>
Rows<T> rows_of(View v, int64_t first = 0) {
  return {v.as<T>() + first, v.channels()};
}

struct DenseNormalisation {
  const float *mean, *var, *gamma, *beta;
  float eps;
};

template <int kWidth>
struct NormConstants {
  float mean[kWidth], scale[kWidth], beta[kWidth];
};

// Used forward and backward: the same arithmetic, so that the backward mask agrees with y bit for bit.
template <int kWidth>
__device__ NormConstants<kWidth> load_constants(const DenseNormalisation& n, int channel) {
  const auto mean = load<kWidth>(n.mean + channel), var = load<kWidth>(n.var + channel);
  const auto gamma = load<kWidth>(n.gamma + channel), beta = load<kWidth>(n.beta + channel);
  NormConstants<kWidth> out;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    out.mean[k] = mean[k], out.beta[k] = beta[k];
    out.scale[k] = gamma[k] * (1.0f / sqrtf(var[k] + n.eps));
  }
  return out;
}

// dispatch_columns() for channels [first, first + dense.channels()): the width must divide all three channel numbers.
template <class F>
void dispatch_slice(View features, View dense, int64_t first, std::initializer_list<View> vectors, F&& body) {
  CHECK(features.rows() == dense.rows() && features.dtype == dense.dtype && first >= 0 &&
            first + dense.channels() <= features.channels(),
        "channels [{}, {}) of a block of {} rows and {} channels, {} rows", first, first + dense.channels(),
        features.rows(), features.channels(), dense.rows());
  bool aligned = true;
  for (const View& v : vectors) {
    CHECK(!v || v.dtype == DType::f32, "a vector of type {}", int(v.dtype));
    aligned = aligned && is_aligned(v.data, 16);
  }
  const int64_t common = std::gcd(std::gcd(features.channels(), dense.channels()), first);
  dispatch_columns(features.dtype, aligned ? common : 1, {features.data, dense.data}, body);
}

DenseNormalisation normalisation(DenseStats stats, View gamma, View beta, float eps) {
  return {stats.mean.as<float>(), stats.var.as<float>(), gamma.as<float>(), beta.as<float>(), eps};
}

float* sums_of(Stream stream, const Columns& c, int64_t channels) {
  return static_cast<float*>(workspace(stream, size_t(c.strips) * 2 * size_t(channels) * sizeof(float)));
}

}  // namespace
}  // namespace skein::cuda
