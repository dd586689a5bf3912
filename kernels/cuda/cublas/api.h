// cuBLAS functions used by skein, from a library that is opened at the first call of cublas(). Errors: BadInput if
// there is no library, RunFailed from CUBLAS_CHECK.
#pragma once

#include <cublas_v2.h>

#include "base/check.h"
#include "base/library.h"

namespace skein::cuda {

struct CublasApi {
  explicit CublasApi(const LibraryNames&);
  Library library;
  decltype(&cublasCreate_v2) create;
  decltype(&cublasDestroy_v2) destroy;
  decltype(&cublasSetStream_v2) set_stream;
  decltype(&cublasSetWorkspace_v2) set_workspace;
  decltype(&cublasSetMathMode) set_math_mode;
  decltype(&cublasSgemm_v2) sgemm;
  decltype(&cublasGetStatusString) get_status_string;
};

LibraryNames cublas_names();
const CublasApi& cublas();  // BadInput, at every call, if the library cannot be opened

[[noreturn]] void cublas_failed(cublasStatus_t, const char* call, const char* file, int line);

}  // namespace skein::cuda

// CUBLAS_CHECK(cublas().set_stream(handle, stream));
#define CUBLAS_CHECK(call)                                                                   \
  do {                                                                                       \
    if (const cublasStatus_t cublas_status = (call); cublas_status != CUBLAS_STATUS_SUCCESS) \
      ::skein::cuda::cublas_failed(cublas_status, #call, __FILE__, __LINE__);                \
  } while (false)
