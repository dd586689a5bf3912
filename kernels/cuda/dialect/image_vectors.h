// An image (N,H,W,C) as vectors of neighbouring channels, for kernels whose threads take one vector of a pixel each.
// Vector i is the i-th in memory.
#pragma once

#include "kernels/cuda/dialect/elementwise.h"

namespace skein::cuda {

struct ImageVectors {
  Divider by_groups, by_width, by_height;
  int64_t groups, width, height, vectors;  // vectors of a pixel; pixels; vectors in all

  ImageVectors(View v, int64_t kWidth)
      : by_groups(v.channels() / kWidth),
        by_width(std::max<int64_t>(v.dims[2], 1)),  // an empty image has no vectors whose coordinates are asked for
        by_height(std::max<int64_t>(v.dims[1], 1)),
        groups(v.channels() / kWidth),
        width(v.dims[2]),
        height(v.dims[1]),
        vectors(v.numel() / kWidth) {
    CHECK(vectors < (int64_t{1} << 31), "{} vectors are more than 32 bits count", vectors);
  }
  struct Coordinates {
    uint32_t n, h, w, group;
  };
  __device__ Coordinates coordinates(uint32_t i) const {
    const auto [pixel, group] = by_groups.divide(i);
    const auto [line, w] = by_width.divide(pixel);
    const auto [n, h] = by_height.divide(line);
    return {n, h, w, group};
  }
  __device__ int64_t index(const Coordinates& p) const {
    return ((p.n * height + p.h) * width + p.w) * groups + p.group;
  }
};

// Grid of a kernel whose threads compute `unroll` vectors of the result in each round.
inline int64_t grid(const ImageVectors& result, int unroll = 1) {
  return streaming_grid(ceil_div(result.vectors, kBlock * unroll));
}

}  // namespace skein::cuda
