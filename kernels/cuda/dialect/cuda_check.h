// Error check of CUDA runtime calls. A failed call throws RunFailed, which names the call, the source line and CUDA's
// own reason.
#pragma once

#include <cuda_runtime_api.h>

#include "base/check.h"

namespace skein::cuda {

[[noreturn]] void call_failed(cudaError_t error, const char* call, const char* file, int line);

}  // namespace skein::cuda

// CUDA_CHECK(cudaEventRecord(event, stream));
#define CUDA_CHECK(call)                                                  \
  do {                                                                    \
    if (const cudaError_t cuda_error = (call); cuda_error != cudaSuccess) \
      ::skein::cuda::call_failed(cuda_error, #call, __FILE__, __LINE__);  \
  } while (false)
