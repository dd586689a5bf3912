// Scaled sums over K f32 vectors of one device, all of the same size n. The terms are added in the order of the list,
// ((x0 + x1) + x2) + ..., so every result has the same bits on both back ends.
//
//   sum_to_all   elements [begin, end) of every vector become scale * sum.   8K bytes per element: K read, K written
//   sum_to_one   to = scale * sum; `to` has n elements and may be one of the vectors.   4(K+1) bytes per element
//
// No flops are counted: memory bounds both.
#pragma once

#include <span>

#include "kernels/kernel.h"

namespace skein {

using SumToAll = void(Stream, std::span<const View> all, int64_t begin, int64_t end, float scale);
using SumToOne = void(Stream, std::span<const View> all, float scale, View to);

namespace kernel {
inline Cost sum_to_all_cost(std::span<const View> all, int64_t begin, int64_t end, float) {
  return {8.0 * double(all.size()) * double(end - begin)};
}
inline Cost sum_to_one_cost(std::span<const View> all, float, View to) {
  return {double(all.size() + 1) * bytes_of(to)};
}
}  // namespace kernel

SKEIN_KERNEL(sum_to_all, SumToAll, sum_to_all_cost);
SKEIN_KERNEL(sum_to_one, SumToOne, sum_to_one_cost);

}  // namespace skein
