// Before main(): tests of the emulated GPU, and the processes they start, use the stand-ins unless told otherwise, and
// no plan that an earlier build left on disk.
#include <cstdlib>

namespace {

const bool used = [] {
  setenv("SKEIN_CUDNN", SKEIN_CUDNN_STANDIN, 0);
  setenv("SKEIN_CUBLAS", SKEIN_CUBLAS_STANDIN, 0);
  setenv("SKEIN_NCCL", SKEIN_NCCL_STANDIN, 0);
  setenv("SKEIN_PLAN_CACHE", "", 0);
  return true;
}();

}  // namespace

// cuDNN and the cuBLASLt inside it keep what they allocate while planning.
extern "C" const char* __lsan_default_suppressions() { return "leak:libcudnn\nleak:libcublas\n"; }
