// Search for the segment of a number or of a bit, for sign.cu and sign_mean.cu (layout: kernels/sign.h).
#pragma once

#include "kernels/cuda/dialect/gpu.h"
#include "kernels/sign.h"

namespace skein::cuda {

enum class Order { flat, stream };  // by position in the flat vector, or in the stream of bits

template <Order kOrder>
__device__ int64_t begin_of(const SignSegment& s) {
  return kOrder == Order::flat ? s.begin : s.bit;
}

// Index of the first segment that ends after position `at`; the number of segments if there is none. Binary search.
template <Order kOrder>
__device__ int64_t first_ending_after(const SignLayout& l, int64_t at) {
  int64_t low = 0, high = l.count;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    const SignSegment& s = l.segments[middle];
    if (begin_of<kOrder>(s) + s.count <= at)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace skein::cuda
