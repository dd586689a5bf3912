// cuDNN 9 functions used by skein, from a library that is opened at the first call of cudnn(). Errors: BadInput if
// there is no library or it is another version, RunFailed from CUDNN_CHECK.
#pragma once

#include <cudnn.h>

#include "base/check.h"
#include "base/library.h"

namespace skein::cuda {

struct CudnnApi {
  explicit CudnnApi(const LibraryNames&);
  Library library;
  decltype(&cudnnGetVersion) get_version;
  decltype(&cudnnGetErrorString) get_error_string;
  decltype(&cudnnGetLastErrorString) get_last_error_string;
  decltype(&cudnnCreate) create;
  decltype(&cudnnDestroy) destroy;
  decltype(&cudnnSetStream) set_stream;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor;
  decltype(&cudnnBackendSetAttribute) set_attribute;
  decltype(&cudnnBackendGetAttribute) get_attribute;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendExecute) execute;
};

LibraryNames cudnn_names();
const CudnnApi& cudnn();  // BadInput, at every call, if the library cannot be opened

std::string cudnn_reason(cudnnStatus_t);  // cuDNN's own message about the last failure of this thread
[[noreturn]] void cudnn_failed(cudnnStatus_t, const char* call, const char* file, int line);

}  // namespace skein::cuda

// CUDNN_CHECK(cudnn().set_stream(handle, stream));
#define CUDNN_CHECK(call)                                                                \
  do {                                                                                   \
    if (const cudnnStatus_t cudnn_status = (call); cudnn_status != CUDNN_STATUS_SUCCESS) \
      ::skein::cuda::cudnn_failed(cudnn_status, #call, __FILE__, __LINE__);              \
  } while (false)
