// Stand-in for cuBLAS on machines without a GPU: the functions that skein calls, as plain loops on the emulator's
// memory, in the order of the handle's stream. Matrices are column-major, as in cuBLAS.
#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstring>
#include <list>
#include <mutex>
#include <set>

#include "tests/standin/device_check.h"
#include "tests/standin/fault.h"

struct cublasContext {
  int device = 0;
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;  // null: cuBLAS's own; setting the stream resets it
  size_t bytes = 0;
};

namespace {

using namespace skein::standin;

std::mutex mutex;
std::set<cublasHandle_t> live_handles;

cublasStatus_t refuse(const char* why, cublasStatus_t status = CUBLAS_STATUS_INVALID_VALUE) {
  std::fprintf(stderr, "cuBLAS stand-in: %s\n", why);
  return status;
}

struct Product {
  bool transpose_a, transpose_b;
  int64_t m, n, k, lda, ldb, ldc;
  float alpha, beta;
  const float *a, *b;
  float* c;
  void* workspace;
  size_t bytes;
};

void run(void* data) {
  const Product& p = *static_cast<const Product*>(data);
  std::memset(p.workspace, 0xff, p.bytes);
  for (int64_t j = 0; j < p.n; ++j)
    for (int64_t i = 0; i < p.m; ++i) {
      double sum = 0;
      for (int64_t l = 0; l < p.k; ++l)
        sum += double(p.a[p.transpose_a ? l + i * p.lda : i + l * p.lda]) *
               double(p.b[p.transpose_b ? j + l * p.ldb : l + j * p.ldb]);
      float& c = p.c[i + j * p.ldc];
      c = float(p.alpha * sum + (p.beta == 0 ? 0 : double(p.beta) * double(c)));
    }
  std::memset(p.workspace, 0xff, p.bytes);
}

}  // namespace

extern "C" const skein::Standin* skein_standin() { return &table; }

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "the operation completed successfully";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an unsupported value or parameter was passed to the function";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "the library was not initialized";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "the function failed to launch on the GPU";
    default:
      return "an internal operation failed";
  }
}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  if (planted_fault()) return CUBLAS_STATUS_INTERNAL_ERROR;
  const std::lock_guard lock(mutex);
  *handle = new cublasContext{current_device()};
  live_handles.insert(*handle);
  ++handles;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  const std::lock_guard lock(mutex);
  if (!live_handles.erase(handle)) return refuse("a handle is destroyed twice", CUBLAS_STATUS_NOT_INITIALIZED);
  --handles;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  if (planted_fault()) return CUBLAS_STATUS_INTERNAL_ERROR;
  const std::lock_guard lock(mutex);
  if (!live_handles.contains(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = {handle->device, stream, nullptr, 0};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  if (planted_fault()) return CUBLAS_STATUS_INTERNAL_ERROR;
  const std::lock_guard lock(mutex);
  if (!live_handles.contains(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!workspace || reinterpret_cast<uintptr_t>(workspace) % 256)
    return refuse("the workspace lies at no multiple of 256");
  handle->workspace = workspace;
  handle->bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  if (planted_fault()) return CUBLAS_STATUS_INTERNAL_ERROR;
  const std::lock_guard lock(mutex);
  if (!live_handles.contains(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (mode != CUBLAS_PEDANTIC_MATH && mode != CUBLAS_DEFAULT_MATH) return refuse("a math mode that rounds f32");
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t operation_a, cublasOperation_t operation_b,
                              int m, int n, int k, const float* alpha, const float* a, int lda, const float* b, int ldb,
                              const float* beta, float* c, int ldc) {
  if (planted_fault()) return CUBLAS_STATUS_INTERNAL_ERROR;
  static auto* const products = new std::list<Product>;  // never freed, since captured graphs may refer to them
  const std::lock_guard lock(mutex);
  if (!live_handles.contains(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  const bool ta = operation_a == CUBLAS_OP_T, tb = operation_b == CUBLAS_OP_T;
  if (m < 0 || n < 0 || k < 0) return refuse("a negative dimension");
  if (lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m || !a || !b || !c)
    return refuse("a leading dimension or a pointer");
  if (!handle->workspace) return refuse("no workspace was set: cuBLAS would allocate one, which a capture forbids");
  if (const char* why = misplaced(handle->device, {a, b, c, handle->workspace})) return refuse(why);
  Product& p = products->emplace_back(
      Product{ta, tb, m, n, k, lda, ldb, ldc, *alpha, *beta, a, b, c, handle->workspace, handle->bytes});
  ++executions;
  return cudaLaunchHostFunc(handle->stream, run, &p) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                    : CUBLAS_STATUS_EXECUTION_FAILED;
}
