// out[i] = from[index[i]]. Bytes per element: 12, reads the index and one element, writes one.
#include "kernels/cuda/dialect/gpu.h"
#include "kernels/gather.h"

namespace skein::cuda {
namespace {

__global__ void __launch_bounds__(kBlock)
    gather_kernel(const int32_t* from, const int32_t* index, int32_t* out, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i < n) out[i] = from[index[i]];
}

}  // namespace

void gather(Stream stream, View from, View index, View out) {
  launch(gather_kernel, ceil_div(out.numel(), kBlock), kBlock, stream, from.as<const int32_t>(),
         index.as<const int32_t>(), out.as<int32_t>(), out.numel());
}

}  // namespace skein::cuda
