#include "kernels/cuda/cudnn/api.h"

#include <algorithm>

namespace skein::cuda {

LibraryNames cudnn_names() {
  return {
      "cuDNN 9",
      "SKEIN_CUDNN",
      {"libcudnn.so.9"},
      fmt::format("Install cuDNN 9 for CUDA {0} (NVIDIA's packages call it cudnn9-cuda-{0}, PyPI nvidia-cudnn-cu{0})",
                  CUDART_VERSION / 1000)};
}

CudnnApi::CudnnApi(const LibraryNames& names) : library(names) {
  library.find("cudnnGetVersion", get_version);
  if (const size_t version = get_version(); version / 10000 != 9)
    throw BadInput("{} is version {} of cuDNN, not 9. {}", library.path(), version / 10000, names.advice);
  library.find("cudnnGetErrorString", get_error_string);
  library.find("cudnnGetLastErrorString", get_last_error_string);
  library.find("cudnnCreate", create);
  library.find("cudnnDestroy", destroy);
  library.find("cudnnSetStream", set_stream);
  library.find("cudnnBackendCreateDescriptor", create_descriptor);
  library.find("cudnnBackendDestroyDescriptor", destroy_descriptor);
  library.find("cudnnBackendSetAttribute", set_attribute);
  library.find("cudnnBackendGetAttribute", get_attribute);
  library.find("cudnnBackendFinalize", finalize);
  library.find("cudnnBackendExecute", execute);
}

const CudnnApi& cudnn() {
  static const auto* const api = new CudnnApi(cudnn_names());  // never destroyed: handles outlive static objects
  return *api;
}

// Returns the first reason in cuDNN's log. The log lists every engine that was tried, innermost reason first.
std::string cudnn_reason(cudnnStatus_t status) {
  char log[4096] = {};
  cudnn().get_last_error_string(log, sizeof log);
  const std::string text = log;
  const size_t mark = text.find("Reason: ");
  const size_t begin = mark == text.npos ? 0 : std::min(text.rfind("CUDNN_STATUS", mark), mark);
  const std::string first = text.substr(begin, text.find('\n', begin) - begin);
  const std::string name = status == CUDNN_STATUS_SUCCESS ? "" : cudnn().get_error_string(status);
  if (first.empty()) return name.empty() ? "no reason given" : name;
  return name.empty() || first.starts_with(name) ? first : fmt::format("{}: {}", name, first);
}

void cudnn_failed(cudnnStatus_t status, const char* call, const char* file, int line) {
  throw RunFailed("{}:{}: {} failed: {}", file, line, call, cudnn_reason(status));
}

}  // namespace skein::cuda
