#include "kernels/cuda/cublas/api.h"

namespace skein::cuda {

// The version of the build's toolkit first. The functions used here are the same in both versions.
LibraryNames cublas_names() {
  std::vector<std::string> files = {"libcublas.so.13", "libcublas.so.12"};
  if (CUBLAS_VER_MAJOR == 12) std::swap(files[0], files[1]);
  return {"cuBLAS", "SKEIN_CUBLAS", files,
          fmt::format("Install cuBLAS {0} (NVIDIA's packages are called libcublas-{0}-..., on PyPI nvidia-cublas)",
                      CUBLAS_VER_MAJOR)};
}

CublasApi::CublasApi(const LibraryNames& names) : library(names) {
  library.find("cublasCreate_v2", create);
  library.find("cublasDestroy_v2", destroy);
  library.find("cublasSetStream_v2", set_stream);
  library.find("cublasSetWorkspace_v2", set_workspace);
  library.find("cublasSetMathMode", set_math_mode);
  library.find("cublasSgemm_v2", sgemm);
  library.find("cublasGetStatusString", get_status_string);
}

const CublasApi& cublas() {
  static const auto* const api = new CublasApi(cublas_names());  // never destroyed: handles outlive static objects
  return *api;
}

void cublas_failed(cublasStatus_t status, const char* call, const char* file, int line) {
  throw RunFailed("{}:{}: {} failed: {}", file, line, call, cublas().get_status_string(status));
}

}  // namespace skein::cuda
